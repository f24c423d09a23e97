"""Files written into folders that may be a stranger's: through no link, and none is emptied."""

from __future__ import annotations

import os
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
    # Windows has no O_NOFOLLOW, and O_EXCL follows no link on any system.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, mode), "wb")
