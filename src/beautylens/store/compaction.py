"""Keeping a table quick after many changes, by Lance's own tools."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from beautylens.store.lance import is_conflict

# Versions that a long read may still be going through.
_KEPT = timedelta(days=1)


def merge_fragments(address: str, rows: int, above: int) -> None:
    """Merge a table's fragments of fewer rows into such of so many; forget versions of long ago.

    Nothing is done where there are not more than `above` of them.

    LanceDB's own `optimize` writes all rows anew until they are a million: minutes after a change
    of one row of half a million.
    """
    table = _table(address)
    if sum(fragment.physical_rows < rows for fragment in table.get_fragments()) <= above:
        return
    with _unless_changed():
        table.optimize.compact_files(target_rows_per_fragment=rows)
    table.cleanup_old_versions(older_than=_KEPT)


def index_new_rows(address: str) -> None:
    """Add the rows that came to a table since an index was made to it."""
    with _unless_changed():
        _table(address).optimize.optimize_indices()


def _table(address: str) -> Any:
    # It takes a third of a second to import, and is seldom needed.
    import lance

    return lance.dataset(address)


@contextmanager
def _unless_changed() -> Iterator[None]:
    """Leave the work for the next time where another process changed the same rows meanwhile."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not is_conflict(error):
            raise
