"""Reading a gallery: rows, descriptors and keypoints of catalogue images, kept in LanceDB."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.errors import CollectionError
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.thumbnail import Thumbnail
from beautylens.paths import place
from beautylens.several import several
from beautylens.store.artefacts import Artefacts
from beautylens.store.failures import Failure, FailureLog
from beautylens.store.lance import connect, of_products, plain_errors, table_names
from beautylens.store.row_id_cache import RowIdCache
from beautylens.store.rows import Vectors, stacked
from beautylens.store.schema import (
    FORMAT,
    INTERNAL,
    PLAIN,
    THUMBNAIL,
    read_settings,
)
from beautylens.unicode_text import composed

STREAMED_ROWS = 4096


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
            self._learnt = Artefacts(database, self.settings.get("learnt", "learnt"))
            self._places = RowIdCache(self._images)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the address: another process opens the gallery itself."""
        return type(self), (self.address,)

    @staticmethod
    def exists(address: str | Path) -> bool:
        """Tell whether a gallery has been made at this address."""
        with plain_errors(str(address), "opened"):
            # Asking LanceDB about a folder that is not there would make it.
            return place(address).is_dir() and "settings" in table_names(connect(str(address)))

    @property
    def extra(self) -> tuple[str, ...]:
        """The catalogue's own further columns."""
        return tuple(n for n in self._images.schema.names if n not in (*PLAIN, *INTERNAL))

    @property
    def dimensions(self) -> int:
        """The length of a descriptor."""
        return int(self._images.schema.field("descriptor").type.list_size)

    @property
    def vector_lengths(self) -> dict[Vectors, int]:
        """The length of each kind of vector that there is."""
        names = get_args(Vectors)
        fields = [self._images.schema.field(n) for n in names if n in self._images.schema.names]
        return {field.name: int(field.type.list_size) for field in fields}

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

    def ready(self) -> None:
        """Raise unless images can be searched.

        Raises:
            CollectionError: saying why not.
        """
        with plain_errors(self.address, "read"):
            self.count()

    def count(self, where: str | None = None) -> int:
        """Return how many images there are."""
        return int(self._images.count_rows(where))

    def products(self) -> int:
        """Return how many products there are."""
        return len(self.ids("product_id").unique())

    def known_products(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids that the gallery holds."""
        wanted = several(product_ids)
        held = self.pictures(wanted)
        return {product for product in wanted if product in held or composed(product) in held}

    def pictures(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Return the path of one picture of each of these products that the gallery holds."""
        condition = of_products(product_ids)
        rows = self._columns(["product_id", "image_id", "path"], condition).sort_by("image_id")
        found: dict[str, str] = {}
        for product, path in zip(
            rows["product_id"].to_pylist(), rows["path"].to_pylist(), strict=True
        ):
            found.setdefault(product, path)
        return found

    def image_ids(self) -> set[str]:
        """Return the ids of all images."""
        return set(self.ids("image_id").to_pylist())

    def ids(self, column: str) -> pa.ChunkedArray:
        """Return `image_id` or `product_id` of all images by now: 100 million fit in memory."""
        with plain_errors(self.address, "read"):
            self._images.checkout_latest()
        return self._columns([column])[column]

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

    def descriptors(
        self, image_ids: Sequence[str], column: Vectors = "descriptor"
    ) -> NDArray[np.float32]:
        """Return the stored vectors of images: (N, D) float32, in the order of the ids.

        Raises:
            CollectionError: when an image is not there any more.
        """
        image_ids = several(image_ids)
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
        columns = several(columns)
        rows = self._rows(image_ids, columns)
        return rows["image_id"].to_pylist(), [stacked(rows[column]) for column in columns]

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
        condition = f"{of_products(product_ids)} AND read_words != ''"
        rows = self._columns(["product_id", "image_id", "read_words"], condition)
        found: dict[str, str] = {}
        for row in rows.sort_by("image_id").to_pylist():
            before = found.get(row["product_id"], "")
            found[row["product_id"]] = f"{before}\n{row['read_words']}".strip()
        return found

    def stream(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield some columns of all images, a few thousand rows at a time."""
        with plain_errors(self.address, "read"):
            yield from self._images.search().select(list(several(names))).to_batches(STREAMED_ROWS)

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
