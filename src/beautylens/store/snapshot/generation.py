"""A snapshot that was opened: the rows, lines and artefacts of one version of a collection."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Int64
from beautylens.store.snapshot.manifest import Manifest
from beautylens.store.snapshot.parts import Parts

_ROWS = 1 << 40
# Of this process: row ids of one generation are never those of another.
_serials = count(1)


class Generation:
    """The files of one manifest, opened.

    Args:
        folder: of the snapshot.
        manifest: says what they are.
        former: another one, whose open files are used again.

    Raises:
        OSError, ValueError, sqlite3.Error: when a file is missing or damaged.
    """

    def __init__(self, folder: Path, manifest: Manifest, former: Generation | None = None) -> None:
        self.manifest, self.serial = manifest, next(_serials)
        tables = manifest.tables
        self.images: Parts = Parts(folder, tables["images"], former.images if former else None)
        self.lines: Parts = Parts(folder, tables["lines"], former.lines if former else None)
        self._artefacts = folder / manifest.artefacts_folder
        for file in manifest.artefacts.values():
            (self._artefacts / file).stat()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the gallery."""
        return dict(self.manifest.settings)

    def artefact(self, name: str) -> bytes | None:
        """Return an artefact by its name, or None."""
        file = self.manifest.artefacts.get(name)
        return None if file is None else (self._artefacts / file).read_bytes()

    def row_ids(self, rows: Int64) -> list[int]:
        """Return the row ids of rows; they are negative, which those of Lance are not."""
        row_ids: list[int] = (-1 - self.serial * _ROWS - rows).tolist()
        return row_ids

    def rows(self, row_ids: list[int]) -> Int64:
        """Return the rows of those row ids that are of this generation."""
        numbers = -1 - np.array(row_ids, np.int64)
        own: Int64 = numbers[numbers // _ROWS == self.serial] % _ROWS
        return own
