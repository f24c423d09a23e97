"""Handles of Lance that refuse to be used in a forked process."""

from __future__ import annotations

import os

from beautylens.errors import CollectionError

# Id of the process that first connected: this one, or one that it was forked from.
_connected: int | None = None


def note_connection(address: str) -> None:
    """Note that this process uses Lance.

    Raises:
        CollectionError: when it was forked from a process that did.
    """
    global _connected  # noqa: PLW0603  (one client per process)
    refuse_forked(address)
    _connected = os.getpid()


def refuse_forked(address: str) -> None:
    """Raise in a process that was forked from one that had opened a collection.

    Lance runs queries on threads of its own, which a forked process does not have. Lance
    starts others, but half of the processes that opened the same table again crashed (SIGSEGV in
    its threads) within six queries.

    Raises:
        CollectionError: when the process was forked.
    """
    if _connected not in (None, os.getpid()):
        raise CollectionError(
            f"{address} cannot be used in this process, which was forked from one that had opened "
            "a collection: open collections in the worker processes alone, or start these by "
            "'spawn' or 'forkserver' instead of 'fork' (gunicorn: without --preload)"
        )
