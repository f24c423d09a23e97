"""One writer at a time, of all processes of a machine.

In object storage, which has no locks, writers rely on the collection's commits alone: each is
whole, and of two that change the same product the later one stays.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from beautylens.addresses import Place, Remote


@contextmanager
def alone(folder: Place) -> Iterator[None]:
    """Hold the other writers of a folder off; when this process ends, they are let in."""
    if isinstance(folder, Remote):
        yield
        return
    with (folder / ".writing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
