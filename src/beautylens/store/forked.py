"""Handles of LanceDB that refuse to be used in a forked process."""

from __future__ import annotations

import os
from typing import Any

from beautylens.errors import CollectionError

# Id of the process that first connected: this one, or one that it was forked from.
_connected: int | None = None


def note_connection(address: str) -> None:
    """Note that this process uses LanceDB.

    Raises:
        CollectionError: when it was forked from a process that did.
    """
    global _connected  # noqa: PLW0603  (one client per process)
    refuse_forked(address)
    _connected = os.getpid()


def refuse_forked(address: str) -> None:
    """Raise in a process that was forked from one that had opened a collection.

    LanceDB runs queries on threads of its own, which a forked process does not have. LanceDB 0.40
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


class Handle:
    """A table of LanceDB with the same methods.

    Args:
        opened: the table.
        address: of the collection, for errors.

    Raises:
        CollectionError: when it is used in a forked process.
    """

    def __init__(self, opened: Any, address: str) -> None:
        self._opened, self._address = opened, address

    def __getattr__(self, name: str) -> Any:
        refuse_forked(self._address)
        return getattr(self._opened, name)


class Database(Handle):
    """A database of LanceDB with the same methods; its tables are handles too."""

    def open_table(self, *args: Any, **kwargs: Any) -> Handle:
        """Open a table, as LanceDB does."""
        refuse_forked(self._address)
        return Handle(self._opened.open_table(*args, **kwargs), self._address)

    def create_table(self, *args: Any, **kwargs: Any) -> Handle:
        """Create a table, as LanceDB does."""
        refuse_forked(self._address)
        return Handle(self._opened.create_table(*args, **kwargs), self._address)
