"""A file lock: one writer at a time among all processes of a machine.

Object storage has no locks. There, writers rely on atomic commits: of two that change the same
product, the later one wins.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from beautylens.errors import CollectionError
from beautylens.files.paths import AnyPath, RemotePath

LOCK = ".writing"
# Of one who mirrors for long, which single changes need not wait for.
MIRROR_LOCK = ".mirroring"


@contextmanager
def write_lock(folder: AnyPath, name: str = LOCK, *, wait: bool = True) -> Iterator[None]:
    """Hold a file lock of a folder; the system releases it if the process ends.

    Args:
        folder: of the collection.
        name: of the lock's file.
        wait: until another process releases the lock.

    Raises:
        CollectionError: when the lock file cannot be opened, or another process holds the lock.
    """
    if isinstance(folder, RemotePath):
        yield
        return
    file = folder / name
    lock = FileLock(file)
    try:
        _refuse_other_kinds(file)
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        raise CollectionError(
            f"another process mirrors a table into {folder}; stop it, or let it finish"
        ) from None
    except OSError as error:
        raise CollectionError(
            f"{file} cannot be locked ({error.strerror or error}); check its permissions, or "
            "remove it if it is a link"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _refuse_other_kinds(file: Path) -> None:
    """Raise if the path is not a plain file; filelock itself follows no links."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError("it is not a plain file")
