"""A file lock: one writer at a time, of all processes of a machine.

In object storage, which has no locks, writers rely on the collection's commits alone: each is
whole, and of two that change the same product the later one stays.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from beautylens.errors import CollectionError
from beautylens.files.paths import AnyPath, RemotePath

LOCK = ".writing"


@contextmanager
def write_lock(folder: AnyPath) -> Iterator[None]:
    """Hold a folder's file lock; the system releases it when this process ends.

    Raises:
        CollectionError: when the lock file cannot be opened.
    """
    if isinstance(folder, RemotePath):
        yield
        return
    file = folder / LOCK
    lock = FileLock(file)
    try:
        _refuse_other_kinds(file)
        lock.acquire()
    except OSError as error:
        raise CollectionError(
            f"{file} cannot be locked ({error.strerror or error}); if it is a link, remove it"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _refuse_other_kinds(file: Path) -> None:
    """Raise if there is something else than a plain file; filelock itself follows no link."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OSError("it is not a plain file")
