"""Safe creation of files in untrusted folders: links are not followed, files not truncated."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import IO

# Modes of files and folders that only this user may read.
PRIVATE, PRIVATE_FOLDER = 0o600, 0o700


def new_file(path: Path, *, mode: int = 0o666) -> IO[bytes]:
    """Open a new file for writing, replacing a file or link of the same path.

    Args:
        path: path of the file; the target of an existing link is not changed.
        mode: permissions of the file, before the umask is applied.

    Raises:
        OSError: when the file cannot be created; it names the folder if that does not exist.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    path.unlink(missing_ok=True)
    # Windows has no O_NOFOLLOW; O_EXCL never follows links.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, mode), "wb")
