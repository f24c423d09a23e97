"""One writer at a time, of all processes of a machine.

In object storage, which has no locks, writers rely on the collection's commits alone: each is
whole, and of two that change the same product the later one stays.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from beautylens.errors import CollectionError
from beautylens.files import lock_file
from beautylens.paths import Place, Remote

LOCK = ".writing"


@contextmanager
def alone(folder: Place) -> Iterator[None]:
    """Hold the other writers of a folder off; when this process ends, they are let in.

    Raises:
        CollectionError: when the lock file cannot be opened.
    """
    if isinstance(folder, Remote):
        yield
        return
    file = folder / LOCK
    try:
        opened = lock_file(file)
    except OSError as error:
        raise CollectionError(
            f"{file} cannot be opened ({error.strerror or error}); if it is a link, remove it"
        ) from error
    with opened as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
