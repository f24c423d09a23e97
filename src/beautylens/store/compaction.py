"""Compaction: small fragments of a gallery's table are merged, and new rows indexed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from beautylens.store.lance import is_conflict, plain_errors
from beautylens.store.rows import Rows

# Rows of a compact fragment after a build, and after a small change. A search reads its short-list
# faster from fewer fragments; after a small change few rows are rewritten, since somebody waits.
BUILT_ROWS = 65_536
CHANGED_ROWS = 4096
# Smaller fragments than that from which on they are merged.
MAX_FRAGMENTS = 64
# Rows not yet in an index, which a search scans, from which on they are indexed.
MAX_UNINDEXED = 4096
# Age from which on old versions are deleted: a long read may use one.
_KEPT = timedelta(days=1)


def compact(rows: Rows, written: int = 0) -> None:
    """Merge small fragments and index new rows, if there are enough to slow a search.

    Large fragments are kept. The merged fragments stay on disk for a day, since searches may be
    reading them.

    Args:
        rows: of a gallery.
        written: images just written; after many, a merge may take minutes.
    """
    least = BUILT_ROWS if written >= CHANGED_ROWS else CHANGED_ROWS
    with plain_errors(rows.address, "written"):
        if rows.table.stats()["fragment_stats"]["num_fragments"] > MAX_FRAGMENTS:
            _merge_fragments(rows.location, least)
        if rows.indexes.unindexed() > MAX_UNINDEXED:
            with _unless_changed():
                _dataset(rows.location).optimize.optimize_indices()


def _merge_fragments(location: str, least: int) -> None:
    """Compact the fragments of fewer rows than `least`; delete old versions.

    LanceDB's `optimize` would rewrite up to a million rows: minutes for a change of one row.
    """
    table = _dataset(location)
    if sum(fragment.physical_rows < least for fragment in table.get_fragments()) <= MAX_FRAGMENTS:
        return
    with _unless_changed():
        table.optimize.compact_files(target_rows_per_fragment=least)
    table.cleanup_old_versions(older_than=_KEPT)


def _dataset(location: str) -> Any:
    # Its import takes a third of a second.
    import lance

    return lance.dataset(location)


@contextmanager
def _unless_changed() -> Iterator[None]:
    """Skip the work if another process changed the same rows meanwhile; the next call does it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not is_conflict(error):
            raise
