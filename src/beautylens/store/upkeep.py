"""Keeping a table quick after many changes, by Lance's own tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

# Versions that a long read may still be going through.
_KEPT = timedelta(days=1)


class Upkeep:
    """Merges fragments and indexes new rows of one table, whatever other processes do meanwhile.

    LanceDB's own `optimize` writes all rows anew until they are a million: minutes after a change
    of one row of half a million.

    Args:
        address: of the table.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def merge_fragments(self, rows: int) -> None:
        """Merge fragments of fewer rows into such of so many, and forget versions of long ago."""
        table = self._table()
        with _unless_changed():
            table.optimize.compact_files(target_rows_per_fragment=rows)
        table.cleanup_old_versions(older_than=_KEPT)

    def index_new_rows(self) -> None:
        """Add the rows that came since an index was made to it."""
        table = self._table()
        with _unless_changed():
            table.optimize.optimize_indices()

    def _table(self) -> Any:
        # It takes a third of a second to import, and is seldom needed.
        import lance

        return lance.dataset(self._address)


@contextmanager
def _unless_changed() -> Iterator[None]:
    """Leave the work for the next time where another process changed the same rows meanwhile."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if "conflict" not in str(error).lower():
            raise
