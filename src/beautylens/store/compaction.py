"""Compaction: small fragments of a gallery's table are merged, and new rows indexed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

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
        fragments = rows.table.newest().get_fragments()
        if sum(fragment.physical_rows < least for fragment in fragments) > MAX_FRAGMENTS:
            # Only up to this size: rewriting half a million rows takes minutes, too long for a
            # change of one row.
            with _unless_changed(), rows.table.writing() as dataset:
                dataset.optimize.compact_files(target_rows_per_fragment=least)
            rows.table.newest().cleanup_old_versions(older_than=_KEPT)
        if rows.indexes.unindexed() > MAX_UNINDEXED:
            with _unless_changed(), rows.table.writing() as dataset:
                dataset.optimize.optimize_indices()


@contextmanager
def _unless_changed() -> Iterator[None]:
    """Skip the work if another process changed the same rows meanwhile; the next call does it."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if not is_conflict(error):
            raise
