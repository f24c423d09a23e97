"""The search snapshot of a local collection: whether it is current, and its renewal.

A search reads it while its versions are those of the collection's tables; otherwise it reads Lance,
so that every change counts at once. It may be deleted at any time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from beautylens.errors import CollectionError
from beautylens.files.paths import RemotePath, as_path
from beautylens.runtime.native import Lock
from beautylens.store.snapshot.generation import Generation
from beautylens.store.snapshot.manifest import Manifest, read_manifest
from beautylens.store.snapshot.versions import Stamp, Versions

FOLDER = "snapshot"
_LOCK = ".writing"
# Rows that a search writes before it searches: about a third of a second.
_CAUGHT_UP_ROWS = 2_000


class Snapshot:
    """The snapshot of one collection, in a folder beside its tables.

    Args:
        address: folder of the collection.
    """

    def __init__(self, address: Path) -> None:
        self._address, self._folder = address, address / FOLDER
        self._versions = Versions(address)
        self._opened: Generation | None = None
        self._opening = Lock()
        # The version that a search did not catch up with.
        self._left: Stamp | None = None

    @classmethod
    def of(cls, address: str) -> Snapshot | None:
        """Return the snapshot of a collection; None for one in object storage."""
        folder = as_path(address)
        return None if isinstance(folder, RemotePath) else cls(folder)

    def current(self) -> Generation | None:
        """Return the snapshot of the present version of the collection; None if there is none."""
        opened = self._opened
        if opened is not None and self._is_current(opened.manifest):
            return opened
        with self._opening():
            # Once more, as another process may replace the files of a manifest just read.
            for _ in range(2):
                manifest = read_manifest(self._folder)
                if manifest is None or not self._is_current(manifest):
                    return None
                if (opened := self._open(manifest, self._opened)) is not None:
                    self._opened = opened
                    return opened
        return None

    def opened(self, row_id: int) -> Generation | None:
        """Return the open snapshot if a row id is of it, whether or not it is still current."""
        opened = self._opened
        return opened if opened is not None and len(opened.rows([row_id])) else None

    def refresh(self, most: int | None = None, *, wait: bool = True) -> bool:
        """Write the snapshot of the present version, unless it is there; return whether it is.

        Args:
            most: rows to write at most; any number by default.
            wait: for another process that writes it.
        """
        # It imports Lance, which a search of the snapshot does not need.
        from beautylens.store.schema import read_settings
        from beautylens.store.snapshot.refresh import refresh

        if self.current() is not None:
            return True
        try:
            self._folder.mkdir(exist_ok=True)
            with FileLock(self._folder / _LOCK, timeout=-1 if wait else 0):
                if self.current() is not None:
                    return True
                former = read_manifest(self._folder)
                if former is not None and self._open(former) is None:
                    former = None
                address = str(self._address)
                stamp = self._versions(_tables(read_settings(address)))
                return refresh(address, self._folder, stamp, former, most)
        except (OSError, RuntimeError, ValueError, sqlite3.Error, Timeout, CollectionError):
            # The disk is full or read-only, another process writes the snapshot or the collection:
            # a search reads Lance instead.
            return False

    def catch_up(self) -> None:
        """Write the snapshot of the present version, if few rows are missing.

        Otherwise a search reads Lance, until a change or a server has written them.
        """
        if self.current() is None:
            stamp = self._versions(("images", "lines"))
            if stamp != self._left:
                self._left = None if self.refresh(_CAUGHT_UP_ROWS, wait=False) else stamp

    def _open(self, manifest: Manifest, former: Generation | None = None) -> Generation | None:
        try:
            return Generation(self._folder, manifest, former)
        except (OSError, ValueError, KeyError, sqlite3.Error):
            return None

    def _is_current(self, manifest: Manifest) -> bool:
        return manifest.stamp == self._versions(_tables(manifest.settings))


def _tables(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the tables that a search reads."""
    return "images", "lines", "settings", str(settings["artefacts"])
