"""Lance tables: reads see the newest version, and every change is one commit."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.files.paths import as_path, is_address
from beautylens.runtime.native import Lock
from beautylens.store.forked import note_connection, refuse_forked

# Its log is for developers; errors are raised. Set LANCE_LOG to see the log.
os.environ.setdefault("LANCE_LOG", "error")

# How old may be what a search sees of a collection in object storage, in seconds: looking for a
# newer version is a request of its own there. A process sees its own commits at once.
REMOTE_AGE = 5.0


class Table:
    """One Lance table, which other threads and processes may read and write at the same time.

    A dataset of Lance stays at its version, so that threads can share it for reading. Writing moves
    it to another version, so that each change opens one of its own.

    Args:
        address: a folder, or an address in object storage.
        later: open it when it is first used, and only then raise.

    Raises:
        ValueError: when there is no table.
        CollectionError: when this process was forked from one that had opened a table.
    """

    def __init__(self, address: str, *, later: bool = False) -> None:
        self.address = address
        self._max_age = REMOTE_AGE if is_address(address) else 0.0
        self._refreshing = Lock()
        self._looked = time.monotonic()
        self._newest: Any = None
        if not later:
            self._open()

    def _open(self) -> None:
        # It takes a third of a second to import, and no help text needs it.
        import lance

        note_connection(_folder(self.address))
        self._looked = time.monotonic()
        self._newest = lance.dataset(self.address)

    @classmethod
    def create(cls, address: str, rows: pa.Table) -> Table:
        """Make a table of some rows.

        Raises:
            OSError: when there is one already.
            ValueError: when the address is not UTF-8.
        """
        import lance

        note_connection(_folder(address))
        # Lance would raise a TypeError for a path that is not UTF-8.
        address.encode()
        lance.write_dataset(rows, address)
        return cls(address)

    @classmethod
    def ensure(cls, address: str, schema: pa.Schema) -> Table:
        """Open a table, or make it without rows.

        Raises:
            ValueError: when there is one of other columns.
        """
        try:
            return cls.create(address, schema.empty_table())
        except OSError as error:
            if "already exists" not in str(error):
                raise
        table = cls(address)
        if table.schema != schema:
            raise ValueError(f"Schema of {address} differs from the one wanted")
        return table

    def newest(self) -> Any:
        """Return the newest version as a `lance.LanceDataset`, to be read only."""
        refuse_forked(_folder(self.address))
        if self._newest is None or time.monotonic() - self._looked >= self._max_age:
            self.refresh()
        return self._newest

    def refresh(self) -> None:
        """Look for a newer version now."""
        with self._refreshing():
            if self._newest is None:
                self._open()
                return
            self._looked = time.monotonic()
            self._newest = self._newest.checkout_version(self._newest.latest_version)

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """Give the newest version as a `lance.LanceDataset` of its own, to be changed."""
        import lance

        refuse_forked(_folder(self.address))
        yield lance.dataset(self.address, session=self.newest().session())
        self.refresh()

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self.newest().schema

    @property
    def version(self) -> int:
        """The number of the newest version; each commit adds one."""
        return int(self.newest().version)

    def count_rows(self, where: str | None = None) -> int:
        """Return how many rows meet an SQL condition, or how many there are."""
        return int(self.newest().count_rows(where))

    def select(
        self,
        names: Sequence[str] | None = None,
        where: str | None = None,
        *,
        with_row_id: bool = False,
    ) -> pa.Table:
        """Return some columns, or all, of the rows that meet an SQL condition, in any order."""
        columns = None if names is None else list(names)
        scanner = self.newest().scanner(columns, where, with_row_id=with_row_id)
        return scanner.to_table()

    def stream(self, names: Sequence[str], size: int) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all rows, at most `size` rows at a time."""
        yield from self.newest().scanner(list(names), batch_size=size).to_batches()

    def take(self, row_ids: Iterable[int], names: Sequence[str]) -> pa.Table:
        """Return `_rowid` and some columns of those rows that are there, in any order."""
        listed = ", ".join(map(str, row_ids))
        return self.select(names, f"_rowid IN ({listed})" if listed else "false", with_row_id=True)

    def nearest(
        self,
        column: str,
        vector: NDArray[np.float32],
        count: int,
        *,
        probes: int,
        where: str | None = None,
    ) -> pa.Table:
        """Return `_rowid` and `_distance` (1 - cosine) of the rows nearest to a vector.

        Args:
            column: of vectors.
            vector: (D,) float32.
            count: how many rows.
            probes: partitions of an index that are searched; without an index all rows are.
            where: an SQL condition that the rows must meet.
        """
        wanted = {
            "column": column,
            "q": vector,
            "k": count,
            "metric": "cosine",
            "nprobes": probes,
        }
        scanner = self.newest().scanner(
            ["_distance"], where, nearest=wanted, prefilter=True, with_row_id=True
        )
        return scanner.to_table()

    def with_words(
        self,
        column: str,
        words: str,
        count: int,
        names: Sequence[str],
        where: str | None = None,
    ) -> pa.Table:
        """Return `_score` (BM25) and some columns of the rows with most of the words.

        Args:
            column: of texts.
            words: separated by spaces; those that are repeated count more.
            count: how many rows.
            names: columns.
            where: an SQL condition that the rows must meet.
        """
        from lance.query import MatchQuery

        scanner = self.newest().scanner(
            [*names, "_score"],
            where,
            limit=count,
            full_text_query=MatchQuery(words, column),
            prefilter=True,
        )
        return scanner.to_table()

    def add(self, rows: pa.Table) -> None:
        """Append rows."""
        with self.writing() as dataset:
            dataset.insert(rows)

    def merge(
        self, key: str, rows: pa.Table, *, insert: bool = True, delete: str | None = None
    ) -> None:
        """Write rows in place of those that have the same key, in one commit.

        Args:
            key: a column.
            rows: may lack columns where nothing is inserted.
            insert: whether rows with new keys are added.
            delete: an SQL condition; rows that meet it and have none of the keys are deleted.
        """
        with self.writing() as dataset:
            merge = dataset.merge_insert(key).when_matched_update_all()
            if insert:
                merge = merge.when_not_matched_insert_all()
            if delete:
                merge = merge.when_not_matched_by_source_delete(delete)
            merge.execute(rows)

    def delete(self, where: str) -> None:
        """Delete the rows that meet an SQL condition."""
        with self.writing() as dataset:
            dataset.delete(where)

    def add_columns(self, columns: Mapping[str, str] | pa.Field) -> None:
        """Add columns: SQL expressions by name, or one field whose values are null."""
        with self.writing() as dataset:
            dataset.add_columns(columns)


def _folder(address: str) -> str:
    """Return the address of the collection that a table is in."""
    return address.rpartition("/")[0]


def table_names(address: str) -> list[str]:
    """Return the names of the tables in a folder, or under an address of object storage."""
    folder = as_path(address)
    held = folder.iterdir() if folder.is_dir() else ()
    return [entry.stem for entry in held if entry.suffix == ".lance"]


def table_address(folder: str, name: str) -> str:
    """Return the address of a table in a folder."""
    return f"{folder}/{name}.lance"
