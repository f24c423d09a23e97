"""The gallery on disk: what a build writes beside what a search reads."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from beautylens.paths import Place, Remote, place
from beautylens.several import several
from beautylens.store.compaction import index_new_rows, merge_fragments
from beautylens.store.failures import Failure
from beautylens.store.fragments import append, write_piece
from beautylens.store.lance import is_conflict, of_products, plain_errors, sql_list
from beautylens.store.lookup import GalleryLookup
from beautylens.store.schema import (
    FORMAT,
    make_folder,
    make_tables,
    refuse_strangers,
)

SCAN_LIMIT = 50_000
# Once more than so many fragments of fewer rows have piled up they are merged. A search takes the
# longer the more fragments hold its short-list, so that a build's are merged into large ones; after
# a change somebody waits, and few rows are written anew.
BUILT_ROWS = 65_536
CHANGED_ROWS = 4096
TIDY_ABOVE = 64
# Rows that a search may have to look through because no index knows them yet.
TIDY_ROWS = 4096


class Gallery(GalleryLookup):
    """The images of one collection: search, upsert, delete, count.

    Other processes may read and write the same folder at the same time: every change is one
    atomic commit.
    """

    @classmethod
    def create(
        cls,
        address: str | Path,
        *,
        dimensions: int,
        aggregate: int = 0,
        settings: Mapping[str, Any],
        extra: Sequence[str] = (),
        thumbnails: bool = False,
        learnt: Mapping[str, bytes] | None = None,
    ) -> Gallery:
        """Make an empty gallery; if another process was quicker, open the one it made.

        Args:
            address: a folder that is empty or not there yet.
            dimensions: the length of a descriptor.
            aggregate: the length of an aggregated local descriptor; 0 where there are none.
            settings: JSON values to keep, such as the recipe and the encoder's fingerprint.
            extra: further text columns of the catalogue table.
            thumbnails: whether a small copy of each picture is kept.
            learnt: what was learnt from the catalogue before its descriptors could be made.

        Raises:
            CollectionError: when something else is in the folder.
        """
        target = place(address)
        vectors = {"descriptor": dimensions} | ({"aggregate": aggregate} if aggregate else {})
        with plain_errors(str(address), "made"):
            refuse_strangers(target)
            try:
                with _set_up(target) as made:
                    make_tables(
                        made, vectors, {**settings, "format": FORMAT}, several(extra),
                        thumbnails=thumbnails, learnt=learnt or {},
                    )  # fmt: skip
            except (OSError, RuntimeError, ValueError):
                if not cls.exists(address):
                    raise
        return cls(address)

    def upsert(self, rows: pa.Table, keep: Sequence[str] = ()) -> None:
        """Write whole products in one commit: their new images in, their former ones out.

        Args:
            rows: columns PLAIN and INTERNAL, further text columns as wanted.
            keep: ids of images to leave as they are although they are not among the rows.

        Raises:
            CollectionError: when the disk is full or the collection may not be written.
        """
        if len(rows) == 0:
            return
        with plain_errors(self.address, "written"):
            self.add_columns(rows.column_names)
            rows = self._completed(rows)
            products = rows["product_id"].unique().to_pylist()
            wanted = {*rows["image_id"].to_pylist(), *several(keep)}
            former = self._images_of(products) - wanted
            self._merge(rows, former)
            # Another process may have written other images of them meanwhile.
            while former := self._images_of(products) - wanted:
                self._merge(rows, former)

    def _completed(self, rows: pa.Table) -> pa.Table:
        """Return rows with all columns of the gallery, in its order."""
        schema = self._images.schema
        for name in set(schema.names) - set(rows.column_names):
            rows = rows.append_column(name, _unsaid(schema.field(name), rows))
        return rows.select(schema.names).cast(schema)

    def write_piece(self, rows: pa.Table) -> list[str]:
        """Write rows where only `publish` makes them seen; return what it wants of them.

        Raises:
            CollectionError: when the disk is full or the collection may not be written.
        """
        with plain_errors(self.address, "written"):
            return write_piece(self._table, self._completed(rows)) if len(rows) else []

    def publish(self, pieces: Sequence[str], examined: int) -> list[str]:
        """Make pieces of products that are not here yet seen, in one commit.

        Args:
            pieces: what `write_piece` returned.
            examined: the version, or an older one, in which the products were not here.

        Returns:
            Products that another process wrote since then: they are left as it wrote them.

        Raises:
            CollectionError: when the collection may not be written.
        """
        if not pieces:
            return []
        with plain_errors(self.address, "written"):
            written_before = append(self._table, several(pieces), examined)
            self._images.checkout_latest()
            return written_before

    @property
    def _table(self) -> str:
        return f"{self.address}/images.lance"

    def _images_of(self, product_ids: Sequence[str]) -> set[str]:
        rows = self._columns(["image_id"], of_products(product_ids))
        return set(rows["image_id"].to_pylist())

    def _merge(self, rows: pa.Table, former: set[str]) -> None:
        """Write rows in one commit, and in the same remove former images, if there are any."""
        merge = self._images.merge_insert("image_id")
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        if former:
            # Looks through all ids, which takes a second where there are half a million.
            merge = merge.when_not_matched_by_source_delete(f"image_id IN ({sql_list(former)})")
        merge.execute(rows)

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products in one commit; return how many images went."""
        ids = several(product_ids)
        condition = of_products(ids)
        with plain_errors(self.address, "written"):
            self._images.checkout_latest()
            gone = self.count(condition)
            if gone:
                self._images.delete(condition)
            self._failures.forget(ids)
        return gone

    def record_failures(self, product_ids: Iterable[str], failures: Sequence[Failure]) -> None:
        """Remember which pictures of these products fail now, and forget which did before."""
        with plain_errors(self.address, "written"):
            self._failures.replace(product_ids, failures)

    def learn(self, name: str, value: bytes) -> None:
        """Keep what was learnt under a name, in place of what was there."""
        with plain_errors(self.address, "written"):
            self._learnt.put({name: value})

    def keep_originals(self) -> None:
        """Make the column for the descriptors that augmentation replaces, empty."""
        if not self.keeps_originals:
            with plain_errors(self.address, "written"):
                vector = self._images.schema.field("descriptor").type
                self._images.add_columns(pa.field("original", vector))

    def rewrite(self, rows: pa.Table) -> None:
        """Replace some columns of the images that are there still and show the same picture.

        Args:
            rows: `image_id` and `digest`, by which images are known, and the columns to replace.
        """
        named = f"image_id IN ({sql_list(rows['image_id'].to_pylist())})"
        there = self._columns(["image_id", "digest"], named)
        known = set(zip(*(there[name].to_pylist() for name in there.column_names), strict=True))
        given = zip(*(rows[name].to_pylist() for name in there.column_names), strict=True)
        kept = rows.filter(pa.array([image in known for image in given], pa.bool_()))
        kept = kept.cast(pa.schema([self._images.schema.field(n) for n in rows.column_names]))
        with plain_errors(self.address, "written"):
            # By the index on image_id, LanceDB 0.40 writes these columns alone; without it or
            # under a condition it writes every column again, keypoints and all.
            self._images.merge_insert("image_id").when_matched_update_all().execute(kept)

    def tidy(self, written: int = 0) -> None:
        """Merge small fragments, and index new rows, once enough have piled up to slow a search.

        What is large already is left as it is. A merge needs as much room again as it merges, for a
        day: searches may be reading what it replaces.

        Args:
            written: images written just now; after many, a merge of minutes is in proportion.
        """
        rows = BUILT_ROWS if written >= CHANGED_ROWS else CHANGED_ROWS
        with plain_errors(self.address, "written"):
            if self._images.stats()["fragment_stats"]["num_fragments"] > TIDY_ABOVE:
                merge_fragments(self._table, rows, TIDY_ABOVE)
            if self._unindexed() > TIDY_ROWS:
                index_new_rows(self._table)

    def ensure_indexes(self, *, anew: bool = False) -> None:
        """Make the index by image id, and those of the vectors once a scan would be slow.

        Args:
            anew: make the index of the descriptors again, as all of them have changed.
        """
        from lancedb.index import BTree, IvfSq

        with plain_errors(self.address, "written"):
            self._ensure_index("image_id", BTree())
            self._ensure_index("product_id", BTree())
            self._ensure_index("gtin", BTree())
            if self.count() > SCAN_LIMIT:
                # Trained on a sample in seconds; a graph (HNSW) found less and took 28 times as
                # long to make.
                nearest = IvfSq(distance_type="cosine")
                self._ensure_index("descriptor", nearest, anew=anew)
                if self.keeps_aggregates:
                    self._ensure_index("aggregate", nearest)
                self.__dict__.pop("_indexed", None)

    def _unindexed(self) -> int:
        """Return how many rows an index does not know yet."""
        names = [index.name for index in self._images.list_indices()]
        stats = [self._images.index_stats(name) for name in names]
        return max((each.num_unindexed_rows for each in stats if each), default=0)

    def _ensure_index(self, column: str, config: Any, *, anew: bool = False) -> None:
        while anew or column not in self._indexed_columns():
            try:
                self._images.create_index(column, config=config)
            except RuntimeError as error:
                # Another process made an index meanwhile, this one or that of another column.
                if not is_conflict(error):
                    raise
                self._images.checkout_latest()
            else:
                return

    def add_columns(self, names: Iterable[str]) -> None:
        """Make further text columns, empty, of those that are not there."""
        names = set(several(names)) - set(self._images.schema.names)
        if names:
            self._images.add_columns(dict.fromkeys(sorted(names), "''"))


@contextmanager
def _set_up(target: Place) -> Iterator[str]:
    """Give the address at which to make a gallery that no process ever sees, or fills, half made.

    A folder is made aside and moved into place. Objects cannot be moved: there the settings, which
    are made last, tell whether a gallery is whole.
    """
    if isinstance(target, Remote):
        yield str(target)
        return
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    make_folder(aside, target)
    try:
        yield str(aside)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _unsaid(field: pa.Field, rows: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Return what rows hold in a column that they do not have."""
    if field.name == "original":
        # A new descriptor is its own original: the engine takes no null for a vector.
        return rows["descriptor"]
    if pa.types.is_string(field.type):
        return pa.array([""] * len(rows), field.type)
    return pa.nulls(len(rows), field.type)
