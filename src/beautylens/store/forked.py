"""LanceDB's handles: they serve the process that opened them, and none that is forked from it."""

from __future__ import annotations

import os
from typing import Any

from beautylens.errors import CollectionError

# The process that first connected, of this one and those it was forked from.
_connected: int | None = None


def note_connection(address: str) -> None:
    """Remember that this process uses LanceDB from now on.

    Raises:
        CollectionError: when the process that this one was forked from did so before.
    """
    global _connected  # noqa: PLW0603  (there is one client a process)
    refuse_forked(address)
    _connected = os.getpid()


def refuse_forked(address: str) -> None:
    """Raise in a process that was forked from one that had opened a collection.

    LanceDB runs its queries on threads of its own, and a forked process has none of them. LanceDB
    0.40 starts others there, and yet half of the processes that opened the same table again crashed
    (SIGSEGV in its threads) within six queries.

    Raises:
        CollectionError: saying what to do instead.
    """
    if _connected not in (None, os.getpid()):
        raise CollectionError(
            f"{address} cannot be used in this process, which was forked from one that had opened "
            "a collection: open collections in the worker processes alone, or start these by "
            "'spawn' or 'forkserver' instead of 'fork' (gunicorn: without --preload)"
        )


class Handle:
    """A table of LanceDB, used like one.

    Args:
        opened: the table.
        address: of the collection, for errors.

    Raises:
        CollectionError: when it is used in a process that was forked since.
    """

    def __init__(self, opened: Any, address: str) -> None:
        self._opened, self._address = opened, address

    def __getattr__(self, name: str) -> Any:
        refuse_forked(self._address)
        return getattr(self._opened, name)


class Database(Handle):
    """A database of LanceDB, used like one; so are its tables."""

    def open_table(self, *args: Any, **kwargs: Any) -> Handle:
        """Open a table, as LanceDB does."""
        refuse_forked(self._address)
        return Handle(self._opened.open_table(*args, **kwargs), self._address)

    def create_table(self, *args: Any, **kwargs: Any) -> Handle:
        """Make a table, as LanceDB does."""
        refuse_forked(self._address)
        return Handle(self._opened.create_table(*args, **kwargs), self._address)
