"""The rows of a gallery: one per catalogue image, with its product, vectors and keypoints."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import get_args

import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.catalogue.gtin import spellings
from beautylens.errors import CollectionError
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.thumbnail import Thumbnail
from beautylens.inputs.several import several
from beautylens.results import Match, Matches
from beautylens.store.columns import PACK_WORDS, Vectors, cosines, stacked, to_match
from beautylens.store.indexes import Indexes
from beautylens.store.lance import of_images, plain_errors, sql_list
from beautylens.store.row_id_cache import RowIdCache
from beautylens.store.schema import INTERNAL, PLAIN, THUMBNAIL
from beautylens.store.table import Table, table_address
from beautylens.store.word_index import WordIndex
from beautylens.text.index_words import LONGEST_VALUE, index_words

STREAMED_ROWS = 4096
# The columns whose values may be on the pack, however long they are.
_NAMED = ("brand", "name", "category")
_UNSPACED = "replace(replace(gtin, ' ', ''), '-', '')"


class Rows:
    """The rows of one gallery.

    Other processes may write them at the same time; a reader sees whole commits only.

    Args:
        table: of the images.
        address: of the gallery, for errors.
    """

    def __init__(self, table: Table, address: str) -> None:
        self.table, self.address = table, address
        self.indexes = Indexes(table)
        self.words = WordIndex(table, PACK_WORDS, address)
        self._row_ids = RowIdCache(table)

    @property
    def location(self) -> str:
        """The address of the table."""
        return table_address(self.address, "images")

    @property
    def extra(self) -> tuple[str, ...]:
        """The metadata columns of the catalogue."""
        return tuple(n for n in self.table.schema.names if n not in (*PLAIN, *INTERNAL))

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The names of the text columns, by which images can be filtered."""
        return *PLAIN, *self.extra

    @property
    def dimensions(self) -> int:
        """Length of a descriptor."""
        return self.vector_lengths["descriptor"]

    @property
    def vector_lengths(self) -> dict[Vectors, int]:
        """Length of each kind of vector that the rows have."""
        schema = self.table.schema
        names = [name for name in get_args(Vectors) if name in schema.names]
        return {name: int(schema.field(name).type.list_size) for name in names}

    def has(self, column: str) -> bool:
        """Return whether there is a column of this name; some depend on the recipe."""
        return column in self.table.schema.names

    @property
    def version(self) -> int:
        """The number of the latest version; each commit adds one."""
        return self.table.version

    def count(self, where: str | None = None) -> int:
        """Return the number of images."""
        return self.table.count_rows(where)

    def product_count(self) -> int:
        """Return the number of products; all ids are read."""
        return len(self.ids("product_id").unique())

    def image_ids(self) -> set[str]:
        """Return the ids of all images."""
        return set(self.ids("image_id").to_pylist())

    def ids(self, column: str) -> pa.ChunkedArray:
        """Return `image_id` or `product_id` of all images in the latest version."""
        with plain_errors(self.address, "read"):
            self.table.refresh()
        return self.select([column])[column]

    def digests(self) -> dict[str, str]:
        """Return an image id by the digest of its file."""
        rows = self.select(["digest", "image_id"])
        return dict(zip(rows["digest"].to_pylist(), rows["image_id"].to_pylist(), strict=True))

    def precisions(self) -> dict[str, int]:
        """Return the number of images described in each precision, the most frequent first."""
        counts = self.select(["precision"])["precision"].value_counts().to_pylist()
        return {
            each["values"]: each["counts"] for each in sorted(counts, key=lambda c: -c["counts"])
        }

    def stream(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the named columns of all images in batches of a few thousand rows."""
        with plain_errors(self.address, "read"):
            yield from self.table.stream(several(names), STREAMED_ROWS)

    def select(self, names: Sequence[str], where: str | None = None) -> pa.Table:
        """Return the named columns of the images that meet an SQL condition, in any order."""
        with plain_errors(self.address, "read"):
            return self.table.select(several(names), where)

    def read(self, image_ids: Iterable[str], names: Sequence[str]) -> pa.Table:
        """Return `image_id` and the named columns of the images that exist, in any order."""
        with plain_errors(self.address, "read"):
            return self._row_ids.read(image_ids, names)

    def row_ids(self, image_ids: Iterable[str]) -> dict[str, int]:
        """Return the row ids of the images that exist, by image id."""
        with plain_errors(self.address, "read"):
            return self._row_ids.look_up(image_ids)

    def at(
        self, row_ids: Iterable[int], columns: Sequence[Vectors]
    ) -> tuple[list[Match], list[Float32]]:
        """Return images by row id, ordered by image id, not scored, and their vectors, (N, D) each.

        Args:
            row_ids: from a vector index; removed images are left out.
            columns: the vectors to return.
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
        """Return the images that exist by id, not scored."""
        extra = self.extra
        rows = self.read(image_ids, [*PLAIN[1:], *extra, "path"]).to_pylist()
        return {row["image_id"]: to_match(row, extra, 0.0) for row in rows}

    def matching(self, where: str) -> Matches:
        """Return the images that meet an SQL condition ordered by id, not scored."""
        extra = self.extra
        rows = self.select([*PLAIN, *extra, "path"], where).sort_by("image_id")
        return Matches(tuple(to_match(row, extra, 0.0) for row in rows.to_pylist()))

    def scored(self, condition: str, descriptor: Float32, where: str | None = None) -> Matches:
        """Return all images that meet SQL conditions by cosine with a descriptor, best first.

        Args:
            condition: an SQL condition.
            descriptor: (D,) float32, unit length.
            where: a further SQL condition, if any.
        """
        extra = self.extra
        both = condition if where is None else f"{condition} AND ({where})"
        rows = self.select([*PLAIN, *extra, "path", "descriptor"], both).sort_by("image_id")
        similarities = cosines(stacked(rows["descriptor"]), descriptor).tolist()
        plain = rows.drop_columns("descriptor").to_pylist()
        return Matches.ranked(
            to_match(row, extra, cosine) for row, cosine in zip(plain, similarities, strict=True)
        )

    def with_gtin(
        self, gtins: Iterable[str], descriptor: Float32, where: str | None = None
    ) -> Matches:
        """Return the images whose GTIN may be any of some, by cosine with a descriptor.

        Args:
            gtins: of fourteen digits; the catalogue may have any spelling.
            descriptor: (D,) float32, unit length.
            where: a further SQL condition on the images.
        """
        wanted = sorted(gtins)
        written = sql_list(spelling for gtin in wanted for spelling in spellings(gtin))
        listed = " OR ".join(f"gtin LIKE '%{gtin.lstrip('0')}%'" for gtin in wanted)
        # Usual spellings are looked up in the index; only without a result are all rows scanned.
        conditions = (f"gtin IN ({written})", f"({_UNSPACED} IN ({written}) OR {listed})")
        found = (self.scored(condition, descriptor, where) for condition in conditions)
        return next((matches for matches in found if len(matches)), Matches())

    def among(
        self, image_ids: Iterable[str], descriptor: Float32, where: str | None = None
    ) -> Matches:
        """Return the images of these ids by cosine with a descriptor, best first.

        Args:
            image_ids: unknown images are left out, and so are those whose descriptor is zero.
            descriptor: (D,) float32, unit length.
            where: an SQL condition, if any.
        """
        found = self.scored(of_images(image_ids), descriptor, where)
        return Matches(tuple(match for match in found if match.score))

    def descriptors(self, image_ids: Sequence[str], column: Vectors = "descriptor") -> Float32:
        """Return the stored vectors of images: (N, D) float32, in the order of the ids.

        Raises:
            CollectionError: when an image was removed.
        """
        image_ids = several(image_ids)
        found, (rows,) = self.vectors(image_ids, [column])
        index = {image_id: number for number, image_id in enumerate(found)}
        missing = next((image_id for image_id in image_ids if image_id not in index), None)
        if missing is not None:
            raise CollectionError(
                f"{self.address}: image {missing} was removed during the search; search again"
            )
        return rows[[index[image_id] for image_id in image_ids]]

    def vectors(
        self, image_ids: Sequence[str], columns: Sequence[Vectors]
    ) -> tuple[list[str], list[Float32]]:
        """Return the ids of the images that exist, in any order, and their vectors, (N, D) each."""
        columns = several(columns)
        rows = self.read(image_ids, columns)
        return rows["image_id"].to_pylist(), [stacked(rows[column]) for column in columns]

    def keypoints(self, image_ids: Sequence[str]) -> dict[str, Keypoints]:
        """Return the stored keypoints by image id."""
        rows = self.read(image_ids, ["keypoints"])
        stored = zip(rows["image_id"].to_pylist(), rows["keypoints"].to_pylist(), strict=True)
        return {image_id: Keypoints.from_bytes(data or b"") for image_id, data in stored}

    def thumbnails(self, image_ids: Sequence[str]) -> dict[str, Thumbnail]:
        """Return the thumbnails by image id; empty if the gallery has none."""
        if not self.has(THUMBNAIL[0]):
            return {}
        rows = self.read(image_ids, THUMBNAIL)
        stored = zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True)
        return {
            image_id: Thumbnail.from_jpeg(data, scale) for image_id, data, scale in stored if data
        }

    def add_columns(self, names: Iterable[str]) -> None:
        """Add text columns, empty, unless they exist."""
        missing = set(several(names)) - set(self.table.schema.names)
        if missing:
            self.table.add_columns(dict.fromkeys(sorted(missing), "''"))

    def complete(self, rows: pa.Table) -> pa.Table:
        """Return rows with all columns of the table, in its order."""
        schema = self.table.schema
        if PACK_WORDS in schema.names:
            # Those of rows that were read from a gallery may be of other texts.
            if PACK_WORDS in rows.column_names:
                rows = rows.drop_columns(PACK_WORDS)
            rows = rows.append_column(PACK_WORDS, _pack_words(rows))
        for name in set(schema.names) - set(rows.column_names):
            rows = rows.append_column(name, _missing_values(schema.field(name), rows))
        return rows.select(schema.names).cast(schema)

    def merge(self, rows: pa.Table, former: Collection[str] = ()) -> None:
        """Write images and remove former ones, in one commit.

        Args:
            rows: replace those with the same ids.
            former: ids of the images to remove.
        """
        # Deleting scans all ids, which takes a second for half a million.
        delete = of_images(former) if former else None
        with plain_errors(self.address, "written"):
            self.table.merge("image_id", self.complete(rows), delete=delete)

    def replace(self, rows: pa.Table) -> None:
        """Replace columns of the images that still exist with the same picture file.

        Args:
            rows: `image_id` and `digest` of each image, and the columns to replace.
        """
        stored = self.select(["image_id", "digest"], of_images(rows["image_id"].to_pylist()))
        known = set(zip(*(stored[name].to_pylist() for name in stored.column_names), strict=True))
        given = zip(*(rows[name].to_pylist() for name in stored.column_names), strict=True)
        kept = rows.filter(pa.array([image in known for image in given], pa.bool_()))
        kept = kept.cast(pa.schema([self.table.schema.field(n) for n in rows.column_names]))
        with plain_errors(self.address, "written"):
            # With the index on image_id Lance writes these columns only; without it, or with a
            # condition, it rewrites all columns.
            self.table.merge("image_id", kept, insert=False)

    def keep_originals(self) -> None:
        """Add the column of the descriptors from before augmentation, empty."""
        if not self.has("original"):
            with plain_errors(self.address, "written"):
                vector = self.table.schema.field("descriptor").type
                self.table.add_columns(pa.field("original", vector))

    def delete(self, where: str) -> int:
        """Remove the images that meet an SQL condition, in one commit; return their number."""
        with plain_errors(self.address, "written"):
            self.table.refresh()
            gone = self.count(where)
            if gone:
                self.table.delete(where)
        return gone


def _pack_words(rows: pa.Table) -> pa.Array:
    """Return the words of each row's brand, name, category and short metadata values."""
    further = {name for name in rows.column_names if name not in (*PLAIN, *INTERNAL)}
    texts = rows.select([n for n in rows.column_names if n in {*_NAMED, *further}]).to_pylist()
    return pa.array(
        [
            index_words(
                text
                for name, text in row.items()
                if text and (name in _NAMED or len(text) <= LONGEST_VALUE)
            )
            for row in texts
        ],
        pa.string(),
    )


def _missing_values(field: pa.Field, rows: pa.Table) -> pa.Array | pa.ChunkedArray:
    """Return the values of a column that the rows lack."""
    if field.name == "original":
        # A new descriptor is its own original; Lance takes no null vectors here.
        return rows["descriptor"]
    if pa.types.is_string(field.type):
        return pa.array([""] * len(rows), field.type)
    return pa.nulls(len(rows), field.type)
