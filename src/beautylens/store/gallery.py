"""A gallery: the rows, vector index, artefacts and failures of one collection."""

from __future__ import annotations

import shlex
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from beautylens.errors import CollectionError
from beautylens.files.paths import AnyPath, RemotePath, as_path
from beautylens.inputs.several import several
from beautylens.store.artefacts import Artefacts
from beautylens.store.compaction import compact
from beautylens.store.failures import FailureLog
from beautylens.store.fragments import append_fragments, write_fragments
from beautylens.store.lance import connect, of_products, plain_errors, table_names
from beautylens.store.lance_index import LanceIndex
from beautylens.store.products import Products
from beautylens.store.rows import Rows
from beautylens.store.schema import (
    FORMAT,
    make_folder,
    make_tables,
    read_settings,
    refuse_other_format,
    refuse_strangers,
)
from beautylens.store.vector_index import VectorIndex

MakeIndex = Callable[[Rows, Mapping[str, Any]], VectorIndex]
"""Makes the vector index of some rows, by the settings of their gallery."""


class Gallery:
    """The images of one collection, in LanceDB; a change is one atomic commit.

    Other processes may read and write the same folder at the same time: a reader sees whole
    commits only.

    Attributes:
        address: a folder, or an address in object storage.
        settings: the JSON values that it was made with.
        rows: an image each: product, vectors, keypoints.
        products: the products that the rows show.
        vectors: finds the row ids that are nearest to a vector.
        artefacts: what was computed over all rows.
        failures: pictures that could not be indexed.
    """

    def __init__(self, address: str | Path, index: MakeIndex | None = None) -> None:
        """Open an existing gallery.

        Args:
            address: where it is.
            index: makes its vector index; by default the rows' own.

        Raises:
            CollectionError: when there is none at this address, or it is of another format.
        """
        self.address = str(address)
        self._index = index
        with plain_errors(self.address, "opened"):
            if not self.exists(address):
                raise CollectionError(
                    f"there is no collection at {self.address}; make one with "
                    f"`beautylens index TABLE {shlex.quote(self.address)}`"
                )
            database = connect(self.address)
            self.settings = read_settings(database)
            refuse_other_format(self.settings, self.address)
            self.rows = Rows(database.open_table("images"), self.address)
            self.failures = FailureLog(database.open_table("failures"), self.address)
            self.artefacts = Artefacts(database, self.address, self.settings["artefacts"])
        self.products = Products(self.rows)
        self.vectors: VectorIndex = (
            LanceIndex(self.rows) if index is None else index(self.rows, self.settings)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the address: another process opens the gallery itself."""
        return type(self), (self.address, self._index)

    @staticmethod
    def exists(address: str | Path) -> bool:
        """Tell whether a gallery has been made at this address."""
        with plain_errors(str(address), "opened"):
            # Asking LanceDB about a folder that is not there would make it.
            return as_path(address).is_dir() and "settings" in table_names(connect(str(address)))

    @classmethod
    def create(
        cls,
        address: str | Path,
        *,
        dimensions: int,
        vlad: int = 0,
        settings: Mapping[str, Any],
        extra: Sequence[str] = (),
        thumbnails: bool = False,
        artefacts: Mapping[str, bytes] | None = None,
    ) -> Gallery:
        """Make an empty gallery; if another process was quicker, open the one it made.

        Args:
            address: a folder that is empty or not there yet.
            dimensions: the length of a descriptor.
            vlad: the length of a VLAD of local descriptors; 0 where there are none.
            settings: JSON values to keep, such as the recipe and the encoder's fingerprint.
            extra: further text columns of the catalogue table.
            thumbnails: whether a small copy of each picture is kept.
            artefacts: computed over the catalogue before its descriptors could be made.

        Raises:
            CollectionError: when something else is in the folder.
        """
        target = as_path(address)
        lengths = {"descriptor": dimensions} | ({"vlad": vlad} if vlad else {})
        with plain_errors(str(address), "made"):
            refuse_strangers(target)
            try:
                with _set_up(target) as made:
                    make_tables(
                        made,
                        lengths,
                        {**settings, "format": FORMAT},
                        several(extra),
                        thumbnails=thumbnails,
                        artefacts=artefacts or {},
                    )
            except (OSError, RuntimeError, ValueError):
                if not cls.exists(address):
                    raise
        return cls(address)

    @property
    def version(self) -> int:
        """The number of the newest version of the rows; each commit adds one."""
        return self.rows.version

    def ready(self) -> None:
        """Raise unless images can be searched.

        Raises:
            CollectionError: saying why not.
        """
        with plain_errors(self.address, "read"):
            self.rows.count()
        self.vectors.ready()

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
            self.rows.add_columns(rows.column_names)
            products = rows["product_id"].unique().to_pylist()
            wanted = {*rows["image_id"].to_pylist(), *several(keep)}
            self.rows.merge(rows, self._images_of(products) - wanted)
            # Another process may have written other images of them meanwhile.
            while former := self._images_of(products) - wanted:
                self.rows.merge(rows, former)

    def _images_of(self, product_ids: Sequence[str]) -> set[str]:
        rows = self.rows.select(["image_id"], of_products(product_ids))
        return set(rows["image_id"].to_pylist())

    def write_fragments(self, rows: pa.Table) -> list[str]:
        """Write rows that nobody sees before `publish`; return the fragments to publish.

        Raises:
            CollectionError: when the disk is full or the collection may not be written.
        """
        if len(rows) == 0:
            return []
        with plain_errors(self.address, "written"):
            return write_fragments(self.rows.location, self.rows.complete(rows))

    def publish(self, fragments: Sequence[str], examined: int) -> list[str]:
        """Make fragments of products that are not here yet visible, in one commit.

        Args:
            fragments: what `write_fragments` returned.
            examined: the version, or an older one, in which the products were not here.

        Returns:
            Products that another process wrote since then: they are left as it wrote them.

        Raises:
            CollectionError: when the collection may not be written.
        """
        if not fragments:
            return []
        with plain_errors(self.address, "written"):
            written_before = append_fragments(self.rows.location, several(fragments), examined)
            self.rows.table.checkout_latest()
            return written_before

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products and their failures; return how many images went."""
        ids = several(product_ids)
        gone = self.rows.delete(of_products(ids))
        self.failures.forget(ids)
        return gone

    def ensure_indexes(self, *, anew: bool = False) -> None:
        """Make the indexes of the rows that are missing; those of vectors once a scan is slow.

        Args:
            anew: make the index of the descriptors again, as all of them have changed.
        """
        with plain_errors(self.address, "written"):
            self.rows.indexes.ensure(anew=anew)

    def compact(self, written: int = 0) -> None:
        """Merge small fragments and index new rows, if enough have piled up to slow a search.

        Args:
            written: images written just now.
        """
        compact(self.rows, written)


@contextmanager
def _set_up(target: AnyPath) -> Iterator[str]:
    """Give the address at which to make a gallery that no process ever sees, or fills, half made.

    A folder is made aside and renamed. Objects cannot be renamed: there the settings, which are
    written last, tell whether a gallery is whole.
    """
    if isinstance(target, RemotePath):
        yield str(target)
        return
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    make_folder(aside, target)
    try:
        yield str(aside)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
