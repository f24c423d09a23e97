"""Orphans: data files that a killed writer left, and that no version of a table names."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from beautylens.files.paths import AnyPath, as_path
from beautylens.store.lance import plain_errors
from beautylens.store.rows import Rows

# Age from which on a file without a name is nobody's: a build names its files within minutes.
_ORPHANED = timedelta(days=1)
_SUFFIX = ".lance"


def sweep_orphans(rows: Rows, older_than: timedelta = _ORPHANED) -> int:
    """Delete the data files of a table that no version names; return their number.

    Lance itself deletes them after seven days, and only where old versions are cleaned up.

    Args:
        rows: of a gallery.
        older_than: age of a file; younger ones may be those of a build that goes on.
    """
    folder = as_path(rows.location) / "data"
    latest = time.time() - older_than.total_seconds()
    with plain_errors(rows.address, "written"):
        old = {file.name: file for file, changed in _files(folder) if changed < latest}
        if not old:
            return 0
        rows.table.refresh()
        newest = rows.table.newest()
        unnamed = old.keys() - _named(newest)
        # Most builds leave nothing, so that the older versions need not be read.
        for version in newest.versions() if unnamed else ():
            unnamed -= _named(newest.checkout_version(version["version"]))
        for name in unnamed:
            old[name].unlink()
    return len(unnamed)


def _files(folder: AnyPath) -> Iterator[tuple[AnyPath, float]]:
    """Yield the data files in a folder, and the time of their last change in seconds."""
    if isinstance(folder, Path):
        for file in folder.glob(f"*{_SUFFIX}"):
            yield file, file.stat().st_mtime
        return
    for entry in folder.entries():
        if entry.is_file and entry.base_name.endswith(_SUFFIX):
            yield folder / entry.base_name, entry.mtime_ns / 1e9


def _named(version: Any) -> set[str]:
    """Return the names of the data files of a version."""
    fragments: Iterable[Any] = version.get_fragments()
    return {Path(file.path).name for fragment in fragments for file in fragment.metadata.files}
