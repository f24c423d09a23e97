"""Files written into folders that may be a stranger's: through no link, and none is emptied."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
"""Modes of what only this user may read."""


def new_file(path: Path, *, mode: int = 0o666) -> IO[bytes]:
    """Open a new file to be written, in place of whatever has its name.

    Args:
        path: a link that stands there is removed, and what it leads to stays as it is.
        mode: whom it is open to, as far as the umask allows.

    Raises:
        OSError: when it cannot be made.
    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, mode), "wb")


def lock_file(path: Path) -> IO[bytes]:
    """Open a file to be locked, made where there is none; its content stays as it is.

    Raises:
        OSError: when it cannot be opened, or is a link or no plain file.
    """
    # Without waiting: opening a pipe waits for its other end.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    opened = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(f"{path} is no plain file")
    return opened
