"""BMP: check of run-length encoding."""

from __future__ import annotations

import struct

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure

_RUN_LENGTH_CODES = (1, 2)


def read_bmp(data: bytes, limits: Limits) -> Structure:
    """Refuse run-length encoding unless rare variants are accepted: Pillow decodes it slowly.

    Raises:
        ExcessError: when the file has it.
    """
    if not limits.rare and len(data) >= 34 and struct.unpack_from("<I", data, 14)[0] >= 40:
        (compression,) = struct.unpack_from("<I", data, 30)
        if compression in _RUN_LENGTH_CODES:
            raise ExcessError("is a BMP with run-length encoding, which no camera writes")
    return Structure(data)
