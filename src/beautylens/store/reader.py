"""Reading a gallery: rows, descriptors and keypoints of catalogue images, kept in LanceDB."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.errors import CollectionError
from beautylens.features.keypoints import Keypoints
from beautylens.images.thumbnail import Thumbnail
from beautylens.records import Matches
from beautylens.store.failures import Failure, FailureLog
from beautylens.store.lance import connect, filter_errors, plain_errors, sql_list, table_names
from beautylens.store.learnt import Learnt
from beautylens.store.places import Places
from beautylens.store.rows import Vectors, stacked, to_match
from beautylens.store.tables import (
    FORMAT,
    INTERNAL,
    PLAIN,
    THUMBNAIL,
    read_settings,
)
from beautylens.text.gtin import gtin14, spellings

STREAMED_ROWS = 4096
# Parts of a vector index that a search looks at.
PROBES = 20
_UNSPACED = "replace(replace(gtin, ' ', ''), '-', '')"


class GalleryReader:
    """The images of one collection as a search reads them.

    Other processes may write the same folder at the same time: a reader sees whole commits only.
    """

    def __init__(self, address: str | Path) -> None:
        """Open an existing gallery.

        Raises:
            CollectionError: when there is none at this address, or it is of a newer format.
        """
        self.address = str(address)
        with plain_errors(self.address, "opened"):
            if not self.exists(address):
                raise CollectionError(
                    f"there is no collection at {self.address}; make one with "
                    f"`beautylens index TABLE {shlex.quote(self.address)}`"
                )
            database = connect(self.address)
            self.settings = read_settings(database)
            if self.settings.get("format") != FORMAT:
                raise CollectionError(
                    f"{self.address}: its format is {self.settings.get('format')}, this program "
                    f"reads {FORMAT}; use the program that made it, or index again"
                )
            self._images = database.open_table("images")
            self._failures = FailureLog(database.open_table("failures"))
            self._learnt = Learnt(database)
            self._places = Places(self._images)

    @staticmethod
    def exists(address: str | Path) -> bool:
        """Tell whether a gallery has been made at this address."""
        # Asking LanceDB about a folder that is not there would make it.
        return Path(address).is_dir() and "settings" in table_names(connect(str(address)))

    @property
    def extra(self) -> tuple[str, ...]:
        """The catalogue's own further columns."""
        return tuple(n for n in self._images.schema.names if n not in (*PLAIN, *INTERNAL))

    @property
    def dimensions(self) -> int:
        """The length of a descriptor."""
        return int(self._images.schema.field("descriptor").type.list_size)

    @property
    def keeps_originals(self) -> bool:
        """Tell whether there is a column for the descriptors that augmentation replaces."""
        return "original" in self._images.schema.names

    @property
    def keeps_aggregates(self) -> bool:
        """Tell whether there is a column for aggregated local descriptors."""
        return "aggregate" in self._images.schema.names

    @property
    def keeps_thumbnails(self) -> bool:
        """Tell whether there are columns for small copies of the pictures."""
        return THUMBNAIL[0] in self._images.schema.names

    def count(self, where: str | None = None) -> int:
        """Return how many images there are."""
        return int(self._images.count_rows(where))

    def products(self) -> int:
        """Return how many products there are."""
        column = self._columns(["product_id"])["product_id"]
        return len(column.unique())

    def known_products(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids that the gallery holds."""
        return set(self.pictures(product_ids))

    def pictures(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Return the path of one picture of each of these products that the gallery holds."""
        condition = f"product_id IN ({sql_list(product_ids)})"
        rows = self._columns(["product_id", "image_id", "path"], condition).sort_by("image_id")
        found: dict[str, str] = {}
        for product, path in zip(
            rows["product_id"].to_pylist(), rows["path"].to_pylist(), strict=True
        ):
            found.setdefault(product, path)
        return found

    def image_ids(self) -> set[str]:
        """Return the ids of all images."""
        return set(self._columns(["image_id"])["image_id"].to_pylist())

    def digests(self) -> dict[str, str]:
        """Return an image id by the digest of each image file, to recognise a copy."""
        rows = self._columns(["digest", "image_id"])
        return dict(zip(rows["digest"].to_pylist(), rows["image_id"].to_pylist(), strict=True))

    def failures(self) -> tuple[Failure, ...]:
        """Return the pictures that could not be indexed, in the order of their rows."""
        with plain_errors(self.address, "read"):
            return self._failures.all()

    def learnt(self, name: str) -> bytes | None:
        """Return what was learnt under a name, or None."""
        with plain_errors(self.address, "read"):
            return self._learnt.get(name)

    def learnt_version(self) -> int:
        """Return a number that grows whenever something is learnt."""
        with plain_errors(self.address, "read"):
            return self._learnt.version()

    def versions(self) -> int:
        """Return the number of the newest version; each commit adds one."""
        return int(self._images.version)

    def nearest(
        self,
        descriptor: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        among: Sequence[str] | None = None,
        column: Vectors = "descriptor",
    ) -> Matches:
        """Return the images nearest to a vector by cosine, best first.

        Images whose vector is all zeros have no cosine with anything, and are left out.

        Args:
            descriptor: (D,) float32, unit length.
            depth: how many images.
            where: an SQL condition on the catalogue's columns, such as "brand = 'Dior'".
            among: ids of the only images to look at, all of them.
            column: the vectors to compare with.

        Raises:
            QueryError: when the condition cannot be understood.
        """
        # Read once: each look at the schema asks the disk for a newer version.
        extra = self.extra
        columns = [*PLAIN, *extra, "path"]
        if among is not None:
            named = f"image_id IN ({sql_list(among)})"
            where = named if where is None else f"({where}) AND {named}"
        query = self._query(descriptor, depth, where, column).select([*columns, "_distance"])
        if among is not None:
            # The vector index looks at part of the images only, and those may lie elsewhere.
            query = query.bypass_vector_index()
        elif column in self._indexed:
            # The index holds 8-bit copies: a wide short-list is scored again on the originals.
            query = query.refine_factor(2)
        with plain_errors(self.address, "searched"), filter_errors(where, columns[:-1]):
            rows = self._places.remember(query.to_arrow()).to_pylist()
        # Equal scores are settled by id, so that the order of the catalogue changes nothing.
        rows.sort(key=lambda row: (row["_distance"], row["image_id"]))
        return Matches(tuple(to_match(row, extra, 1.0 - row["_distance"], column) for row in rows))

    def near(
        self,
        vector: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> list[int]:
        """Return the places of images among which the `depth` nearest by cosine are.

        For callers that go on to score them by their stored vectors, with `vectors_at`: it reads
        nothing of the rows, and takes a third of the time of `nearest`.

        Args:
            vector: (D,) float32, unit length.
            depth: how many images; an index gives half as many again.
            where: as in `nearest`.
            column: the vectors to compare with.

        Raises:
            QueryError: when the condition cannot be understood.
        """
        depth = depth * 3 // 2 if column in self._indexed else depth
        query = self._query(vector, depth, where, column).select(["_distance"])
        columns = [*PLAIN, *self.extra] if where else []
        with plain_errors(self.address, "searched"), filter_errors(where, columns):
            places: list[int] = query.to_arrow()["_rowid"].to_pylist()
        return places

    def _query(
        self, vector: NDArray[np.float32], depth: int, where: str | None, column: Vectors
    ) -> Any:
        query = (
            self._images.search(vector, vector_column_name=column)
            .distance_type("cosine")
            .nprobes(PROBES)
            .limit(depth)
            .with_row_id(True)
        )
        return query if where is None else query.where(where, prefilter=True)

    def matches(self, cosines: Mapping[str, float]) -> Matches:
        """Return images as matches by their cosines, best first; those that are gone are left out.

        Args:
            cosines: by image id.
        """
        extra = self.extra
        rows = self._rows(list(cosines), [*PLAIN[1:], *extra, "path"]).to_pylist()
        rows.sort(key=lambda row: row["image_id"])
        return Matches.ranked(to_match(row, extra, cosines[row["image_id"]]) for row in rows)

    def matches_of(
        self, product_ids: Iterable[str], descriptor: NDArray[np.float32], where: str | None = None
    ) -> Matches:
        """Return all images of these products by cosine with a descriptor, best first.

        Args:
            product_ids: ids that the gallery does not hold are left out.
            descriptor: (D,) float32, unit length.
            where: a condition that an image must meet as well, as in `nearest`.
        """
        return self._cosines(f"product_id IN ({sql_list(product_ids)})", descriptor, where)

    def with_gtin(
        self, gtins: Iterable[str], descriptor: NDArray[np.float32], where: str | None = None
    ) -> Matches:
        """Return all images of the products with these GTINs by cosine with a descriptor.

        Args:
            gtins: fourteen digits each; the catalogue may write them in any way.
            descriptor: (D,) float32, unit length.
            where: a condition that an image must meet as well, as in `nearest`.
        """
        wanted = set(gtins)
        written = sql_list(spelling for gtin in wanted for spelling in spellings(gtin))
        # The index answers for the usual spellings; only when it has none are all rows read.
        conditions = (f"gtin IN ({written})", f"{_UNSPACED} IN ({written})")
        found = (self._cosines(condition, descriptor, where) for condition in conditions)
        matches = next((matches for matches in found if len(matches)), Matches())
        return Matches(tuple(m for m in matches if gtin14(m.product.gtin) in wanted))

    def _cosines(
        self, condition: str, descriptor: NDArray[np.float32], where: str | None
    ) -> Matches:
        extra = self.extra
        rows = self._columns(
            [*PLAIN, *extra, "path", "descriptor"],
            condition if where is None else f"{condition} AND ({where})",
        ).sort_by("image_id")
        cosines = stacked(rows["descriptor"]) @ descriptor
        return Matches.ranked(
            to_match(row, extra, float(cosine))
            for row, cosine in zip(
                rows.drop_columns("descriptor").to_pylist(), cosines, strict=True
            )
        )

    def descriptors(
        self, image_ids: Sequence[str], column: Vectors = "descriptor"
    ) -> NDArray[np.float32]:
        """Return the stored vectors of images: (N, D) float32, in the order of the ids.

        Raises:
            CollectionError: when an image is not there any more.
        """
        there, (rows,) = self.vectors(image_ids, [column])
        places = {image_id: place for place, image_id in enumerate(there)}
        missing = next((image_id for image_id in image_ids if image_id not in places), None)
        if missing is not None:
            raise CollectionError(
                f"{self.address}: image {missing} was removed while it was searched; search again"
            )
        return rows[[places[image_id] for image_id in image_ids]]

    def vectors(
        self, image_ids: Sequence[str], columns: Sequence[Vectors]
    ) -> tuple[list[str], list[NDArray[np.float32]]]:
        """Return which of the images are there, in any order, and their vectors, (N, D) each."""
        return _ids_and_vectors(self._rows(image_ids, columns), columns)

    def vectors_at(
        self, places: Iterable[int], columns: Sequence[Vectors]
    ) -> tuple[list[str], list[NDArray[np.float32]]]:
        """Return the ids of the images at some places, and their vectors, (N, D) each."""
        with plain_errors(self.address, "read"):
            rows = self._places.at(dict.fromkeys(places), columns)
        return _ids_and_vectors(rows, columns)

    def keypoints(self, image_ids: Sequence[str]) -> dict[str, Keypoints]:
        """Return the stored keypoints by image id."""
        rows = self._rows(image_ids, ["keypoints"])
        stored = zip(rows["image_id"].to_pylist(), rows["keypoints"].to_pylist(), strict=True)
        return {image_id: Keypoints.from_bytes(data or b"") for image_id, data in stored}

    def thumbnails(self, image_ids: Sequence[str]) -> dict[str, Thumbnail]:
        """Return the small copies of pictures by image id; none from a gallery that keeps none."""
        if not self.keeps_thumbnails:
            return {}
        rows = self._rows(image_ids, THUMBNAIL)
        stored = zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True)
        return {
            image_id: Thumbnail.from_jpeg(data, scale) for image_id, data, scale in stored if data
        }

    def read_words(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Return what was read on the pictures of these products when they were indexed."""
        if "read_words" not in self._images.schema.names:
            return {}
        condition = f"product_id IN ({sql_list(product_ids)}) AND read_words != ''"
        rows = self._columns(["product_id", "image_id", "read_words"], condition)
        found: dict[str, str] = {}
        for row in rows.sort_by("image_id").to_pylist():
            before = found.get(row["product_id"], "")
            found[row["product_id"]] = f"{before}\n{row['read_words']}".strip()
        return found

    def stream(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all images, a few thousand rows at a time."""
        with plain_errors(self.address, "read"):
            yield from self._images.search().select(list(names)).to_batches(STREAMED_ROWS)

    @cached_property
    def _indexed(self) -> frozenset[str]:
        return frozenset(self._indexed_columns())

    def _indexed_columns(self) -> set[str]:
        return {column for index in self._images.list_indices() for column in index.columns}

    def _columns(self, names: list[str], where: str | None = None) -> pa.Table:
        with plain_errors(self.address, "read"):
            query = self._images.search().select(names)
            return (query.where(where) if where else query).to_arrow()

    def _rows(self, image_ids: Sequence[str], names: Sequence[str]) -> pa.Table:
        with plain_errors(self.address, "read"):
            return self._places.read(image_ids, names)


def _ids_and_vectors(
    rows: pa.Table, columns: Sequence[Vectors]
) -> tuple[list[str], list[NDArray[np.float32]]]:
    return rows["image_id"].to_pylist(), [stacked(rows[column]) for column in columns]
