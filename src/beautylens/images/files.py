"""The bytes of picture files, whose size is checked before they are read."""

from __future__ import annotations

import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path

from beautylens.embedded import embedded_at
from beautylens.errors import ImageError
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.paths import Remote, is_address


def read_bytes(path: str | Path | Remote, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Return the content of a picture file, whose size is checked before it is read.

    Raises:
        ImageError: when the file is missing, unreadable, empty, too large, or an address in text.
    """
    if (embedded := embedded_at(path)) is not None:
        return _read_elsewhere(str(path), embedded.read_bytes, limits)
    if isinstance(path, Remote):
        return _read_elsewhere(str(path), partial(path.read_bytes, limits.max_bytes), limits)
    if isinstance(path, str) and is_address(path):
        raise ImageError(f"{path} is an address, not a file; download it and name the file")
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path} is not a file; name one picture file")
        check_bytes(status.st_size, str(path), limits)
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist; check the path") from None
    except PermissionError:
        raise ImageError(f"{path} may not be read; give this user permission to read it") from None
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
    """Refuse a file that is empty or too large.

    Raises:
        ImageError: saying which.
    """
    if not size:
        raise ImageError(f"{name} is empty; export or download the picture again")
    if size > limits.max_bytes:
        raise ImageError(
            f"{name} has {size:,} bytes where at most {limits.max_bytes:,} are allowed; "
            "save it smaller"
        )
