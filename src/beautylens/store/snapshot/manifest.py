"""The manifest of a snapshot: of which version it is, and its files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from beautylens.store.snapshot.versions import Stamp

FORMAT = 1
NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one table that a search reads.

    Args:
        texts: columns of texts.
        compared: those of them that conditions compare.
        vectors: length of each column of vectors.
        blobs: columns of bytes.
        words: the column of words for look-up, if any.
    """

    texts: tuple[str, ...]
    compared: tuple[str, ...] = ()
    vectors: Mapping[str, int] = field(default_factory=dict)
    blobs: tuple[str, ...] = ()
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment of a Lance table in a part.

    Args:
        number: its id.
        values: describes its files of vectors and keypoints.
        texts: describes its files of texts.
    """

    number: int
    values: str
    texts: str


@dataclass(frozen=True, slots=True)
class PartEntry:
    """A part of a table: a folder of files that are never changed.

    Args:
        folder: its name.
        fragments: that its rows are of, in order.
        sizes: bytes of each file.
        rows: number of rows.
        live: number of those that were neither deleted nor replaced since.
        dead: name of a file with the numbers of all others; empty for none.
    """

    folder: str
    fragments: tuple[Fragment, ...]
    sizes: Mapping[str, int]
    rows: int
    live: int
    dead: str = ""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table: its columns and parts."""

    columns: Columns
    parts: tuple[PartEntry, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot is of.

    Args:
        stamp: versions of the collection's tables.
        settings: of the gallery.
        tables: by name.
        artefacts: file of each artefact, by name, in `artefacts_folder`.
        artefacts_folder: name of a folder; empty without artefacts.
    """

    stamp: Stamp
    settings: Mapping[str, Any]
    tables: Mapping[str, TableEntry]
    artefacts: Mapping[str, str]
    artefacts_folder: str

    @property
    def names(self) -> set[str]:
        """The names of its files and folders."""
        parts = [part for table in self.tables.values() for part in table.parts]
        held = {NAME, self.artefacts_folder}
        return held | {part.folder for part in parts} | {part.dead for part in parts}


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest in a folder; None if there is none that this version can read."""
    try:
        found = json.loads((folder / NAME).read_bytes())
        if found.pop("format") != FORMAT:
            return None
        found["stamp"] = {name: tuple(version) for name, version in found["stamp"].items()}
        found["tables"] = {name: _table(each) for name, each in found["tables"].items()}
        return Manifest(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write a manifest in place of the former, which other processes may be reading."""
    new = folder / f".{NAME}.{os.getpid()}"
    with new.open("w", encoding="utf-8") as file:
        json.dump({"format": FORMAT, **asdict(manifest)}, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / NAME)


def _table(found: dict[str, Any]) -> TableEntry:
    columns: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in found["columns"].items()
    }
    return TableEntry(Columns(**columns), tuple(map(_part, found["parts"])))


def _part(found: dict[str, Any]) -> PartEntry:
    fragments = tuple(Fragment(**each) for each in found.pop("fragments"))
    return PartEntry(fragments=fragments, **found)
