"""What has to be written of one table, so that its parts are those of another version."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from beautylens.store.snapshot.manifest import Columns, Fragment, PartEntry, TableEntry
from beautylens.store.snapshot.write_part import PartWriter
from beautylens.store.snapshot.write_texts import TEXT_FILES, TextWriter

_BATCH_ROWS = 1024
# The file of the address in Lance of each row of a part.
_ADDRESSES = "addresses.u64"


class Change:
    """The change of a table's parts.

    A fragment whose vectors or keypoints are new is written to a new part; where texts alone are,
    those of its part are written again. Parts are merged so that each is at least twice as large as
    all newer ones: a row is written again as many times as the number of rows doubles.

    Args:
        dataset: a version of the Lance table.
        columns: that a search reads.
        former: the present parts, if any.
    """

    def __init__(self, dataset: Any, columns: Columns, former: TableEntry | None) -> None:
        self._dataset, self._columns, self._former = dataset, columns, former
        self._fragments = {each.fragment_id: each for each in dataset.get_fragments()}
        own = {*columns.vectors, *columns.blobs}
        fields = {field.id() for field in dataset.lance_schema.fields() if field.name() in own}
        self._states = {n: _state(n, each.metadata, fields) for n, each in self._fragments.items()}
        kept = [
            (part, rows) for part in self._usable() if (rows := self._living(part)) * 2 > part.rows
        ]
        covered = {each.number for part, _ in kept for each in self._present(part)}
        self._new = [number for number in self._fragments if number not in covered]
        self.new_rows = sum(self._rows(number) for number in self._new)
        while kept and self._new and kept[-1][1] <= 2 * self.new_rows:
            part, rows = kept.pop()
            self._new = [each.number for each in self._present(part)] + self._new
            self.new_rows += rows
        self._kept = [part for part, _ in kept]

    def write(self, folder: Path) -> TableEntry:
        """Write what is new into the folder of the snapshot; return the table's entry."""
        parts = [self._with_texts(self._with_dead(part, folder), folder) for part in self._kept]
        if self._new:
            parts.append(self._written(folder))
        return TableEntry(self._columns, tuple(parts))

    def _usable(self) -> Sequence[PartEntry]:
        """Return the present parts, unless they lack a column of vectors or keypoints."""
        if self._former is None:
            return ()
        was, now = self._former.columns, self._columns
        alike = (dict(was.vectors), was.blobs) == (dict(now.vectors), now.blobs)
        return self._former.parts if alike else ()

    def _present(self, part: PartEntry) -> list[Fragment]:
        """Return the fragments of a part whose vectors and keypoints are the same."""
        return [
            each
            for each in part.fragments
            if each.number in self._states and self._states[each.number].values == each.values
        ]

    def _living(self, part: PartEntry) -> int:
        return sum(self._rows(each.number) for each in self._present(part))

    def _rows(self, number: int) -> int:
        metadata = self._fragments[number].metadata
        return int(metadata.physical_rows - metadata.num_deletions)

    def _with_dead(self, part: PartEntry, folder: Path) -> PartEntry:
        """Return a part whose dead rows are those deleted by now."""
        live = self._living(part)
        if live == part.live:
            return part
        rows = _addresses_of(part, folder)
        present = [self._scan(each.number, []) for each in self._present(part)]
        found = [batch.column("_rowaddr").to_numpy() for batches in present for batch in batches]
        name = f"{uuid.uuid4().hex}.dead.npy"
        np.save(folder / name, np.flatnonzero(~np.isin(rows, np.concatenate(found))))
        return replace(part, dead=name, live=live)

    def _with_texts(self, part: PartEntry, folder: Path) -> PartEntry:
        """Return a part whose texts are those of now; all other files are kept."""
        present = self._present(part)
        now = tuple(self._states[each.number] for each in present)
        was = self._former.columns if self._former else None
        if was == self._columns and now == tuple(present):
            return part
        rows = _addresses_of(part, folder)
        order = np.argsort(rows)
        with _new_folder(folder) as (aside, name):
            for file in (folder / part.folder).iterdir():
                if file.name not in TEXT_FILES:
                    _link(file, aside / file.name)
            writer = TextWriter(aside, self._columns)
            for each in present:
                for batch in self._scan(each.number, self._text_names()):
                    addresses = batch.column("_rowaddr").to_numpy()
                    numbers = order[np.searchsorted(rows, addresses, sorter=order)]
                    writer.add(numbers.tolist(), batch)
            writer.close(part.rows)
            sizes = _sizes(aside)
        return replace(part, folder=name, fragments=now, sizes=sizes)

    def _written(self, folder: Path) -> PartEntry:
        """Write the new fragments as a part."""
        names = [*self._text_names(), *self._columns.vectors, *self._columns.blobs]
        with _new_folder(folder) as (aside, name):
            writer = PartWriter(aside, self._columns)
            with (aside / _ADDRESSES).open("wb") as addresses:
                for number in self._new:
                    for batch in self._scan(number, names):
                        addresses.write(batch.column("_rowaddr").to_numpy().tobytes())
                        writer.add(batch)
            writer.close()
            sizes = _sizes(aside)
        fragments = tuple(self._states[number] for number in self._new)
        return PartEntry(name, fragments, sizes, writer.count, writer.count)

    def _text_names(self) -> list[str]:
        words = [self._columns.words] if self._columns.words else []
        return [*self._columns.texts, *words]

    def _scan(self, number: int, names: list[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of a fragment, and `_rowaddr`."""
        scanner = self._dataset.scanner(
            names,
            fragments=[self._fragments[number]],
            with_row_address=True,
            batch_size=_BATCH_ROWS,
            scan_in_order=True,
        )
        yield from scanner.to_batches()


def _state(number: int, metadata: Any, fields: set[int]) -> Fragment:
    """Return what describes the values of a fragment, without the deletions from it.

    Args:
        number: of the fragment.
        metadata: of the fragment.
        fields: ids of the columns of vectors and keypoints.
    """
    found: dict[str, Any] = metadata.to_json()
    files = [(field, file["path"]) for file in found["files"] for field in file["fields"]]
    # Lance marks the field of a column that another file has now by a negative number.
    of_values = sorted(pair for pair in files if pair[0] in fields)
    of_texts = sorted(pair for pair in files if pair[0] >= 0 and pair[0] not in fields)
    overlays = found.get("overlays")
    return Fragment(number, json.dumps([of_values, overlays]), json.dumps([of_texts, overlays]))


@contextmanager
def _new_folder(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield a folder that gets its name when it is complete, and that name."""
    name = uuid.uuid4().hex
    aside = folder / f".{name}"
    aside.mkdir()
    try:
        yield aside, name
        aside.rename(folder / name)
    finally:
        # Where the disk is full, half a part is no use.
        shutil.rmtree(aside, ignore_errors=True)


def _addresses_of(part: PartEntry, folder: Path) -> Any:
    return np.fromfile(folder / part.folder / _ADDRESSES, np.uint64)


def _link(file: Path, new: Path) -> None:
    """Give a file a second name, or copy it where the file system has none."""
    try:
        os.link(file, new)
    except OSError:
        shutil.copyfile(file, new)


def _sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each file, once they are on disk."""
    sizes = {}
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
        sizes[path.name] = path.stat().st_size
    return sizes
