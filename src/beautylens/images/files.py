"""Reading of picture files, with their size checked first."""

from __future__ import annotations

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from beautylens.errors import ImageError
from beautylens.files.disk_names import on_disk
from beautylens.files.paths import RemotePath, is_address
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.parquet import parquet_image_at

# File endings of the formats that are read, in lower case.
PICTURE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff", ".bmp")
)


def read_bytes(path: str | Path | RemotePath, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Return the bytes of a picture file; its size is checked first.

    Raises:
        ImageError: when the file is missing, unreadable, empty or too large, or is an address.
    """
    if (embedded := parquet_image_at(path)) is not None:
        return _read_elsewhere(str(path), embedded.read_bytes, limits)
    if isinstance(path, RemotePath):
        return _read_elsewhere(str(path), partial(path.read_bytes, limits.max_bytes), limits)
    if isinstance(path, str) and is_address(path):
        raise ImageError(f"{path} is an address, not a file; download it and give the file")
    try:
        file = on_disk(Path(), str(path))
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path} is not a file; give a picture file")
        check_bytes(status.st_size, str(path), limits)
        return file.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist; check the path") from None
    except PermissionError:
        raise ImageError(f"{path} cannot be read; give this user permission to read it") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read ({error}); check the path and the disk") from error


def _read_elsewhere(name: str, read: Callable[[], bytes], limits: Limits) -> bytes:
    try:
        content = read()
    except OSError as error:
        raise ImageError(f"{name} cannot be read ({error}); check address and access") from error
    check_bytes(len(content), name, limits)
    return content


def check_bytes(size: int, name: str, limits: Limits) -> None:
    """Check that a file is neither empty nor too large.

    Raises:
        ImageError: when it is.
    """
    if not size:
        raise ImageError(f"{name} is empty; export or download the picture again")
    if size > limits.max_bytes:
        raise ImageError(
            f"{name} has {size:,} bytes, more than {limits.max_bytes:,}; save it smaller"
        )
