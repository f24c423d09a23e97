"""The versions of Lance tables, told by the names of their files, so that Lance is not imported."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

# The version of each table, and the bytes of its manifest: tables of two collections may share a
# version, and then rarely the bytes.
Stamp: TypeAlias = dict[str, tuple[int, int]]
# Lance names the files of versions by their distance from this, so that the newest is listed first.
_LAST = 2**64 - 1
# Nanoseconds after which a folder that was listed counts as unchanged while its time of change is
# the same: two commits within one tick of the file system's clock have one time.
_CERTAIN = 1_000_000_000


class Versions:
    """The present versions of the tables of a local collection.

    Args:
        folder: of the collection.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # By table: the time of change of its folder of versions, and what was listed then.
        self._listed: dict[str, tuple[int, tuple[int, int]]] = {}

    def __call__(self, tables: Sequence[str]) -> Stamp:
        """Return the stamp of tables, without those that do not exist."""
        found = {name: self._version(name) for name in tables}
        return {name: version for name, version in found.items() if version is not None}

    def _version(self, name: str) -> tuple[int, int] | None:
        versions = self._folder / f"{name}.lance" / "_versions"
        try:
            changed = versions.stat().st_mtime_ns
            known = self._listed.get(name)
            if known is not None and known[0] == changed:
                return known[1]
            found = _newest(versions)
        except OSError:
            return None
        if found is not None and time.time_ns() - changed > _CERTAIN:
            self._listed[name] = changed, found
        return found


def _newest(versions: Path) -> tuple[int, int] | None:
    newest = None
    with os.scandir(versions) as entries:
        for entry in entries:
            stem, _, suffix = entry.name.partition(".")
            if suffix != "manifest" or not stem.isdigit():
                continue
            number = int(stem)
            version = _LAST - number if number > _LAST // 2 else number
            if newest is None or version > newest[0]:
                newest = version, entry
    return None if newest is None else (newest[0], newest[1].stat().st_size)
