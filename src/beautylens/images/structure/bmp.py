"""BMP: whether its rows are stored as they are."""

from __future__ import annotations

import struct

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure

_RUN_LENGTHS = (1, 2)


def read_bmp(data: bytes, limits: Limits) -> Structure:
    """Refuse run-length coding where rare files are not taken: Pillow unpacks it byte by byte.

    Raises:
        ExcessError: when it is coded so.
    """
    if not limits.rare and len(data) >= 34 and struct.unpack_from("<I", data, 14)[0] >= 40:
        (compression,) = struct.unpack_from("<I", data, 30)
        if compression in _RUN_LENGTHS:
            raise ExcessError("is a BMP in run-length coding, which no camera writes")
    return Structure(data)
