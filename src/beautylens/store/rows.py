"""The rows of a gallery: a catalogue image each, with its product's facts and all its vectors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.errors import CollectionError
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.thumbnail import Thumbnail
from beautylens.inputs.several import several
from beautylens.results import Match, Matches
from beautylens.store.columns import Vectors, cosines, stacked, to_match
from beautylens.store.indexes import Indexes
from beautylens.store.lance import of_images, plain_errors
from beautylens.store.row_id_cache import RowIdCache
from beautylens.store.schema import INTERNAL, PLAIN, THUMBNAIL

STREAMED_ROWS = 4096


class Rows:
    """The rows of one gallery; other processes may write them at the same time.

    A reader sees whole commits only.

    Args:
        table: of LanceDB.
        address: of the gallery, for errors.
    """

    def __init__(self, table: Any, address: str) -> None:
        self.table, self.address = table, address
        self.indexes = Indexes(table)
        self._row_ids = RowIdCache(table)

    @property
    def location(self) -> str:
        """The address of the table itself."""
        return f"{self.address}/images.lance"

    @property
    def extra(self) -> tuple[str, ...]:
        """The catalogue's own further columns."""
        return tuple(n for n in self.table.schema.names if n not in (*PLAIN, *INTERNAL))

    @property
    def dimensions(self) -> int:
        """The length of a descriptor."""
        return self.vector_lengths["descriptor"]

    @property
    def vector_lengths(self) -> dict[Vectors, int]:
        """The length of each kind of vector that there is."""
        schema = self.table.schema
        names = [name for name in get_args(Vectors) if name in schema.names]
        return {name: int(schema.field(name).type.list_size) for name in names}

    def has(self, column: str) -> bool:
        """Tell whether there is a column of this name; some come with a recipe's steps."""
        return column in self.table.schema.names

    @property
    def version(self) -> int:
        """The number of the newest version; each commit adds one."""
        return int(self.table.version)

    def count(self, where: str | None = None) -> int:
        """Return how many images there are."""
        return int(self.table.count_rows(where))

    def image_ids(self) -> set[str]:
        """Return the ids of all images."""
        return set(self.ids("image_id").to_pylist())

    def ids(self, column: str) -> pa.ChunkedArray:
        """Return `image_id` or `product_id` of all images by now: 100 million fit in memory."""
        with plain_errors(self.address, "read"):
            self.table.checkout_latest()
        return self.select([column])[column]

    def digests(self) -> dict[str, str]:
        """Return an image id by the digest of each image file, to recognise a copy."""
        rows = self.select(["digest", "image_id"])
        return dict(zip(rows["digest"].to_pylist(), rows["image_id"].to_pylist(), strict=True))

    def stream(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all images, a few thousand rows at a time."""
        with plain_errors(self.address, "read"):
            yield from self.table.search().select(list(several(names))).to_batches(STREAMED_ROWS)

    def select(self, names: Sequence[str], where: str | None = None) -> pa.Table:
        """Return some columns of the images that meet an SQL condition, in any order."""
        with plain_errors(self.address, "read"):
            query = self.table.search().select(list(several(names)))
            return (query.where(where) if where else query).to_arrow()

    def read(self, image_ids: Iterable[str], names: Sequence[str]) -> pa.Table:
        """Return `image_id` and some columns of those images that are there, in any order."""
        with plain_errors(self.address, "read"):
            return self._row_ids.read(image_ids, names)

    def row_ids(self, image_ids: Iterable[str]) -> dict[str, int]:
        """Return the row ids of those images that are there, by their ids."""
        with plain_errors(self.address, "read"):
            return self._row_ids.look_up(image_ids)

    def at(
        self, row_ids: Iterable[int], columns: Sequence[Vectors]
    ) -> tuple[list[Match], list[NDArray[np.float32]]]:
        """Return the images of some rows by id, not scored yet, and their vectors, (N, D) each.

        Args:
            row_ids: what a vector index returned; images that are gone are left out.
            columns: the vectors wanted, the deep descriptor among them or not.
        """
        extra = self.extra
        columns = several(columns)
        with plain_errors(self.address, "read"):
            names = [*PLAIN[1:], *extra, "path", *columns]
            rows = self._row_ids.at(dict.fromkeys(row_ids), names).sort_by("image_id")
        found = [stacked(rows[column]) for column in columns]
        plain = rows.drop_columns(list(columns)).to_pylist()
        return [to_match(row, extra, 0.0) for row in plain], found

    def images(self, image_ids: Sequence[str]) -> dict[str, Match]:
        """Return the images that are there by their ids, not scored."""
        extra = self.extra
        rows = self.read(image_ids, [*PLAIN[1:], *extra, "path"]).to_pylist()
        return {row["image_id"]: to_match(row, extra, 0.0) for row in rows}

    def matching(self, where: str) -> Matches:
        """Return the images that meet an SQL condition in the order of their ids, not scored."""
        extra = self.extra
        rows = self.select([*PLAIN, *extra, "path"], where).sort_by("image_id")
        return Matches(tuple(to_match(row, extra, 0.0) for row in rows.to_pylist()))

    def scored(
        self, condition: str, descriptor: NDArray[np.float32], where: str | None = None
    ) -> Matches:
        """Return all images that meet SQL conditions by cosine with a descriptor, best first.

        Args:
            condition: that an image must meet.
            descriptor: (D,) float32, unit length.
            where: another that it must meet as well, if there is one.
        """
        extra = self.extra
        both = condition if where is None else f"{condition} AND ({where})"
        rows = self.select([*PLAIN, *extra, "path", "descriptor"], both).sort_by("image_id")
        similarities = cosines(stacked(rows["descriptor"]), descriptor).tolist()
        plain = rows.drop_columns("descriptor").to_pylist()
        return Matches.ranked(
            to_match(row, extra, cosine) for row, cosine in zip(plain, similarities, strict=True)
        )

    def among(
        self, image_ids: Iterable[str], descriptor: NDArray[np.float32], where: str | None = None
    ) -> Matches:
        """Return the images of these ids by cosine with a descriptor, best first.

        Args:
            image_ids: those that are not there or do not meet the condition are left out, and so
                are images whose descriptor is all zeros.
            descriptor: (D,) float32, unit length.
            where: an SQL condition, if there is one.
        """
        found = self.scored(of_images(image_ids), descriptor, where)
        return Matches(tuple(match for match in found if match.score))

    def descriptors(
        self, image_ids: Sequence[str], column: Vectors = "descriptor"
    ) -> NDArray[np.float32]:
        """Return the stored vectors of images: (N, D) float32, in the order of the ids.

        Raises:
            CollectionError: when an image is not there any more.
        """
        image_ids = several(image_ids)
        there, (rows,) = self.vectors(image_ids, [column])
        index = {image_id: number for number, image_id in enumerate(there)}
        missing = next((image_id for image_id in image_ids if image_id not in index), None)
        if missing is not None:
            raise CollectionError(
                f"{self.address}: image {missing} was removed while it was searched; search again"
            )
        return rows[[index[image_id] for image_id in image_ids]]

    def vectors(
        self, image_ids: Sequence[str], columns: Sequence[Vectors]
    ) -> tuple[list[str], list[NDArray[np.float32]]]:
        """Return which of the images are there, in any order, and their vectors, (N, D) each."""
        columns = several(columns)
        rows = self.read(image_ids, columns)
        return rows["image_id"].to_pylist(), [stacked(rows[column]) for column in columns]

    def keypoints(self, image_ids: Sequence[str]) -> dict[str, Keypoints]:
        """Return the stored keypoints by image id."""
        rows = self.read(image_ids, ["keypoints"])
        stored = zip(rows["image_id"].to_pylist(), rows["keypoints"].to_pylist(), strict=True)
        return {image_id: Keypoints.from_bytes(data or b"") for image_id, data in stored}

    def thumbnails(self, image_ids: Sequence[str]) -> dict[str, Thumbnail]:
        """Return the small copies of pictures by image id; none from a gallery that keeps none."""
        if not self.has(THUMBNAIL[0]):
            return {}
        rows = self.read(image_ids, THUMBNAIL)
        stored = zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True)
        return {
            image_id: Thumbnail.from_jpeg(data, scale) for image_id, data, scale in stored if data
        }

    def add_columns(self, names: Iterable[str]) -> None:
        """Make further text columns, empty, of those that are not there."""
        missing = set(several(names)) - set(self.table.schema.names)
        if missing:
            self.table.add_columns(dict.fromkeys(sorted(missing), "''"))

    def complete(self, rows: pa.Table) -> pa.Table:
        """Return rows with all columns of the gallery, in its order."""
        schema = self.table.schema
        for name in set(schema.names) - set(rows.column_names):
            rows = rows.append_column(name, _missing_values(schema.field(name), rows))
        return rows.select(schema.names).cast(schema)

    def merge(self, rows: pa.Table, former: Collection[str] = ()) -> None:
        """Write images in one commit, and in the same remove former ones, if there are any.

        Args:
            rows: in place of those that have their ids.
            former: ids of the images to remove.
        """
        merge = self.table.merge_insert("image_id")
        merge = merge.when_matched_update_all().when_not_matched_insert_all()
        if former:
            # Looks through all ids, which takes a second where there are half a million.
            merge = merge.when_not_matched_by_source_delete(of_images(former))
        with plain_errors(self.address, "written"):
            merge.execute(self.complete(rows))

    def replace(self, rows: pa.Table) -> None:
        """Replace some columns of the images that are there still and show the same picture.

        Args:
            rows: `image_id` and `digest`, by which images are known, and the columns to replace.
        """
        there = self.select(["image_id", "digest"], of_images(rows["image_id"].to_pylist()))
        known = set(zip(*(there[name].to_pylist() for name in there.column_names), strict=True))
        given = zip(*(rows[name].to_pylist() for name in there.column_names), strict=True)
        kept = rows.filter(pa.array([image in known for image in given], pa.bool_()))
        kept = kept.cast(pa.schema([self.table.schema.field(n) for n in rows.column_names]))
        with plain_errors(self.address, "written"):
            # By the index on image_id, LanceDB 0.40 writes these columns alone; without it or
            # under a condition it writes every column again, keypoints and all.
            self.table.merge_insert("image_id").when_matched_update_all().execute(kept)

    def keep_originals(self) -> None:
        """Make the column for the descriptors that augmentation replaces, empty."""
        if not self.has("original"):
            with plain_errors(self.address, "written"):
                vector = self.table.schema.field("descriptor").type
                self.table.add_columns(pa.field("original", vector))

    def delete(self, where: str) -> int:
        """Remove the images that meet an SQL condition in one commit; return how many went."""
        with plain_errors(self.address, "written"):
            self.table.checkout_latest()
            gone = self.count(where)
            if gone:
                self.table.delete(where)
        return gone


def _missing_values(field: pa.Field, rows: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Return what rows hold in a column that they do not have."""
    if field.name == "original":
        # A new descriptor is its own original: the engine takes no null for a vector.
        return rows["descriptor"]
    if pa.types.is_string(field.type):
        return pa.array([""] * len(rows), field.type)
    return pa.nulls(len(rows), field.type)
