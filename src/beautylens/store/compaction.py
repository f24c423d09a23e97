"""Compaction: merging small fragments of a gallery's table, and indexing its new rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from beautylens.store.lance import is_conflict, plain_errors
from beautylens.store.rows import Rows

# Once more than so many fragments of fewer rows have piled up they are merged. A search takes the
# longer the more fragments hold its short-list, so that a build's are merged into large ones; after
# a change somebody waits, and few rows are rewritten.
BUILT_ROWS = 65_536
CHANGED_ROWS = 4096
MOST_FRAGMENTS = 64
# Rows that a search may have to scan because no index holds them yet.
MOST_UNINDEXED = 4096
# Versions that a long read may still be going through.
_KEPT = timedelta(days=1)


def compact(rows: Rows, written: int = 0) -> None:
    """Merge small fragments, and index new rows, once enough have piled up to slow a search.

    Large fragments are left as they are. A merge needs as much room again as it merges, for a day:
    searches may be reading what it replaces.

    Args:
        rows: of a gallery.
        written: images written just now; after many, a merge of minutes is in proportion.
    """
    least = BUILT_ROWS if written >= CHANGED_ROWS else CHANGED_ROWS
    with plain_errors(rows.address, "written"):
        if rows.table.stats()["fragment_stats"]["num_fragments"] > MOST_FRAGMENTS:
            _merge_fragments(rows.location, least)
        if rows.indexes.unindexed() > MOST_UNINDEXED:
            with _unless_changed():
                _dataset(rows.location).optimize.optimize_indices()


def _merge_fragments(location: str, least: int) -> None:
    """Compact the fragments of fewer rows than `least`; delete old versions.

    LanceDB's own `optimize` rewrites all rows until they are a million: minutes after a change of
    one row of half a million.
    """
    table = _dataset(location)
    if sum(fragment.physical_rows < least for fragment in table.get_fragments()) <= MOST_FRAGMENTS:
        return
    with _unless_changed():
        table.optimize.compact_files(target_rows_per_fragment=least)
    table.cleanup_old_versions(older_than=_KEPT)


def _dataset(location: str) -> Any:
    # It takes a third of a second to import, and is seldom needed.
    import lance

    return lance.dataset(location)


@contextmanager
def _unless_changed() -> Iterator[None]:
    """Leave the work for the next time where another process changed the same rows meanwhile."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not is_conflict(error):
            raise
