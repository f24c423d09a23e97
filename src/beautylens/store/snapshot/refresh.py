"""Bringing a snapshot up to date: only fragments that changed since are read."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.store.artefacts import Artefacts
from beautylens.store.columns import PACK_WORDS
from beautylens.store.schema import INTERNAL, PLAIN, THUMBNAIL, read_settings
from beautylens.store.snapshot.manifest import (
    Columns,
    Fragment,
    Manifest,
    PartEntry,
    TableEntry,
    write_manifest,
)
from beautylens.store.snapshot.versions import Stamp
from beautylens.store.snapshot.write_part import PartWriter
from beautylens.store.table import table_address

_BATCH_ROWS = 1024


def refresh(
    address: str, folder: Path, stamp: Stamp, former: Manifest | None, most: int | None
) -> bool:
    """Write what changed since a former snapshot, and replace it.

    Args:
        address: of the gallery.
        folder: of the snapshot.
        stamp: the versions to write.
        former: the present manifest, if it can be read.
        most: rows to write at most; any number by default.

    Returns:
        False if more rows would have to be written.
    """
    import lance

    settings = read_settings(address)
    datasets = {
        name: lance.dataset(table_address(address, name), version=stamp[name][0])
        for name in ("images", "lines")
    }
    known = {} if former is None or former.settings != settings else dict(former.tables)
    changes = {
        name: _Change(dataset, _columns(name, dataset.schema), known.get(name))
        for name, dataset in datasets.items()
    }
    if most is not None and sum(change.new_rows for change in changes.values()) > most:
        return False
    folder.mkdir(exist_ok=True)
    tables = {name: change.write(folder) for name, change in changes.items()}
    artefacts, artefacts_folder = _artefacts(address, folder, settings, stamp, former)
    manifest = Manifest(stamp, settings, tables, artefacts, artefacts_folder)
    write_manifest(folder, manifest)
    _remove_others(folder, manifest.names)
    return True


def _columns(name: str, schema: Any) -> Columns:
    """Return the columns of a table that a search reads."""
    if name == "lines":
        words = "words" if "words" in schema.names else None
        return Columns(("image_id", "product_id", "lines"), words=words)
    extra = [each for each in schema.names if each not in (*PLAIN, *INTERNAL)]
    compared = (*PLAIN, *extra)
    lengths = {
        each: int(schema.field(each).type.list_size)
        for each in ("descriptor", "vlad")
        if each in schema.names
    }
    blobs: tuple[str, ...] = ("keypoints",)
    if THUMBNAIL[0] in schema.names:
        blobs, lengths = (*blobs, THUMBNAIL[0]), {**lengths, THUMBNAIL[1]: 1}
    words = PACK_WORDS if PACK_WORDS in schema.names else None
    return Columns((*compared, "path"), compared, lengths, blobs, words)


class _Change:
    """What has to be written of one table.

    Parts are merged so that each is at least twice as large as all newer ones: a row is written
    again as many times as the number of rows doubles.
    """

    def __init__(self, dataset: Any, columns: Columns, former: TableEntry | None) -> None:
        self._dataset, self._columns = dataset, columns
        self._fragments = {each.fragment_id: each for each in dataset.get_fragments()}
        self._states = {n: _state(each.metadata) for n, each in self._fragments.items()}
        parts = former.parts if former is not None and former.columns == columns else ()
        kept = [(part, rows) for part in parts if (rows := self._living(part)) * 2 > part.rows]
        covered = {each.number for part, _ in kept for each in self._present(part)}
        self._new = [number for number in self._fragments if number not in covered]
        self.new_rows = sum(self._rows(number) for number in self._new)
        while kept and self._new and kept[-1][1] <= 2 * self.new_rows:
            part, rows = kept.pop()
            self._new = [each.number for each in self._present(part)] + self._new
            self.new_rows += rows
        self._kept = [part for part, _ in kept]

    def write(self, folder: Path) -> TableEntry:
        """Write the new part and the dead rows of the others; return the table's entry."""
        parts = [self._with_dead(part, folder) for part in self._kept]
        if self._new:
            parts.append(self._written(folder))
        return TableEntry(self._columns, tuple(parts))

    def _present(self, part: PartEntry) -> list[Fragment]:
        """Return the fragments of a part whose values did not change."""
        return [
            each
            for each in part.fragments
            if each.number in self._states and self._states[each.number] == each.files
        ]

    def _living(self, part: PartEntry) -> int:
        # Rows that were deleted before the part was written are not in it.
        return sum(self._rows(each.number) for each in self._present(part))

    def _rows(self, number: int) -> int:
        metadata = self._fragments[number].metadata
        return int(metadata.physical_rows - metadata.num_deletions)

    def _with_dead(self, part: PartEntry, folder: Path) -> PartEntry:
        """Return a part whose dead rows are those deleted by now."""
        present = {each.number for each in self._present(part)}
        live = self._living(part)
        if live == part.live:
            return part
        rows = np.fromfile(folder / part.folder / _ADDRESSES, np.uint64)
        dead = ~np.isin(rows, np.concatenate([self._addresses(number) for number in present]))
        name = f"{uuid.uuid4().hex}.dead.npy"
        np.save(folder / name, np.flatnonzero(dead))
        return replace(part, dead=name, live=live)

    def _addresses(self, number: int) -> Any:
        scanner = self._dataset.scanner(
            [], fragments=[self._fragments[number]], with_row_address=True
        )
        return scanner.to_table()["_rowaddr"].to_numpy()

    def _written(self, folder: Path) -> PartEntry:
        """Write the new fragments as a part, under another name until it is complete."""
        name = uuid.uuid4().hex
        aside = folder / f".{name}"
        writer = PartWriter(aside, self._columns)
        fragments = []
        columns = self._columns
        names = [*columns.texts, *columns.vectors, *columns.blobs]
        names += [columns.words] if columns.words else []
        with (aside / _ADDRESSES).open("wb") as addresses:
            for number in self._new:
                scanner = self._dataset.scanner(
                    names,
                    fragments=[self._fragments[number]],
                    with_row_address=True,
                    batch_size=_BATCH_ROWS,
                    scan_in_order=True,
                )
                for batch in scanner.to_batches():
                    addresses.write(batch.column("_rowaddr").to_numpy().tobytes())
                    writer.add(batch)
                fragments.append(Fragment(number, self._states[number]))
        sizes = writer.close()
        aside.rename(folder / name)
        return PartEntry(name, tuple(fragments), sizes, writer.count, writer.count)


# The file of the address in Lance of each row of a part.
_ADDRESSES = "addresses.u64"


def _state(metadata: Any) -> str:
    """Return what describes the values of a fragment, without the deletions from it."""
    found: dict[str, Any] = metadata.to_json()
    del found["deletion_file"]
    return json.dumps(found, sort_keys=True)


def _artefacts(
    address: str,
    folder: Path,
    settings: Mapping[str, Any],
    stamp: Stamp,
    former: Manifest | None,
) -> tuple[Mapping[str, str], str]:
    """Return the file of each artefact and their folder, written if they changed."""
    table = settings["artefacts"]
    if former is not None and former.stamp.get(table) == stamp.get(table):
        return former.artefacts, former.artefacts_folder
    values = Artefacts(address, table).all()
    name = uuid.uuid4().hex
    aside = folder / f".{name}"
    aside.mkdir()
    files = {key: str(number) for number, key in enumerate(sorted(values))}
    for key, file in files.items():
        (aside / file).write_bytes(values[key])
    aside.rename(folder / name)
    return files, name


def _remove_others(folder: Path, names: set[str]) -> None:
    """Remove files of former snapshots; processes that read them still can."""
    for path in folder.iterdir():
        if path.name in names or path.name.startswith(".writing"):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
