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
from beautylens.inputs.several import several, several_ids
from beautylens.store.artefacts import Artefacts
from beautylens.store.compaction import compact
from beautylens.store.failures import FailureLog
from beautylens.store.fragments import append_fragments, write_fragments
from beautylens.store.lance import of_products, plain_errors
from beautylens.store.lance_index import LanceIndex
from beautylens.store.picture_text import PictureText
from beautylens.store.product_words import ProductWords
from beautylens.store.products import Products
from beautylens.store.rows import Rows
from beautylens.store.schema import (
    FORMAT,
    create_folder,
    create_tables,
    read_settings,
    refuse_occupied,
    refuse_other_format,
)
from beautylens.store.snapshot.rows import SnapshotRows
from beautylens.store.snapshot.snapshot import Snapshot
from beautylens.store.snapshot.texts import SnapshotArtefacts, SnapshotPictureText
from beautylens.store.snapshot.vector_index import SnapshotIndex
from beautylens.store.table import Table, table_address, table_names
from beautylens.store.vector_index import VectorIndex

# Creates the vector index of rows, given the settings of their gallery.
MakeIndex = Callable[[Rows, Mapping[str, Any]], VectorIndex]


class Gallery:
    """The images of one collection, in Lance tables; a change is one atomic commit.

    Several processes may read and write it at the same time; a reader sees whole commits only.

    Attributes:
        address: a folder, or an address in object storage.
        settings: JSON values from its creation.
        rows: one per image, with its product, vectors and keypoints.
        products: look-up by product id and GTIN.
        vectors: the vector index; its results are row ids.
        artefacts: computed over all rows.
        failures: pictures that could not be indexed.
        picture_text: lines of text read on the pictures.
        words: look-up of products by their words and those on their pictures.
        snapshot: derived files that a search reads; None in object storage, or with an index of its
            own.
    """

    def __init__(self, address: str | Path, index: MakeIndex | None = None) -> None:
        """Open an existing gallery.

        Args:
            address: a folder, or an address in object storage.
            index: creates its vector index; that of Lance by default.

        Raises:
            CollectionError: when there is no gallery, or one of another format.
        """
        self.address = str(address)
        self._index = index
        with plain_errors(self.address, "opened"):
            if not self.exists(address):
                raise CollectionError(
                    f"there is no collection at {self.address}; create one with "
                    f"`beautylens index TABLE {shlex.quote(self.address)}`"
                )
            # Another vector index returns row ids of Lance.
            self.snapshot = Snapshot.of(self.address) if index is None else None
            current = self.snapshot.current() if self.snapshot else None
            self.settings = current.settings if current else read_settings(self.address)
            refuse_other_format(self.settings, self.address)
            images, failures, lines = (
                Table(table_address(self.address, name), later=current is not None)
                for name in ("images", "failures", "lines")
            )
            self.failures = FailureLog(failures, self.address)
        self.rows, self.picture_text, self.artefacts = self._read(images, lines)
        self.products = Products(self.rows)
        self.words = ProductWords(self.rows.words, self.picture_text.words)
        self.vectors = self._vector_index()

    def _read(self, images: Table, lines: Table) -> tuple[Rows, PictureText, Artefacts]:
        """Return the parts that a search reads, by the snapshot if there may be one."""
        address, artefacts = self.address, self.settings["artefacts"]
        if self.snapshot is None:
            parts = Rows(images, address), PictureText(lines, address)
            return *parts, Artefacts(address, artefacts)
        return (
            SnapshotRows(images, address, self.snapshot),
            SnapshotPictureText(lines, address, self.snapshot),
            SnapshotArtefacts(address, artefacts, self.snapshot),
        )

    def _vector_index(self) -> VectorIndex:
        if self._index is not None:
            return self._index(self.rows, self.settings)
        lance = LanceIndex(self.rows)
        return lance if self.snapshot is None else SnapshotIndex(self.snapshot, lance)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the address: another process opens the gallery itself."""
        return type(self), (self.address, self._index)

    @staticmethod
    def exists(address: str | Path) -> bool:
        """Return whether there is a gallery at an address."""
        with plain_errors(str(address), "opened"):
            return "settings" in table_names(str(address))

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
        words: bool = False,
        artefacts: Mapping[str, bytes] | None = None,
    ) -> Gallery:
        """Create an empty gallery, or open it if another process has just created it.

        Args:
            address: a new or empty folder, or an address in object storage.
            dimensions: length of a descriptor.
            vlad: length of a VLAD; 0 without.
            settings: JSON values, such as the recipe and the encoder's fingerprint.
            extra: metadata columns of the catalogue.
            thumbnails: whether thumbnails are stored.
            words: whether products are looked up by words.
            artefacts: fitted on the catalogue before it is indexed.

        Raises:
            CollectionError: when the folder is not empty.
        """
        target = as_path(address)
        lengths = {"descriptor": dimensions} | ({"vlad": vlad} if vlad else {})
        with plain_errors(str(address), "created"):
            try:
                refuse_occupied(target)
                with _set_up(target) as created:
                    create_tables(
                        created,
                        lengths,
                        {**settings, "format": FORMAT},
                        several(extra),
                        thumbnails=thumbnails,
                        words=words,
                        artefacts=artefacts or {},
                    )
            except (CollectionError, OSError, RuntimeError, ValueError):
                if not cls.exists(address):
                    raise
        return cls(address)

    @property
    def version(self) -> int:
        """The number of the latest version of the rows; each commit adds one."""
        return self.rows.version

    def ready(self) -> None:
        """Raise unless the gallery can be searched.

        Raises:
            CollectionError: when it cannot be.
        """
        with plain_errors(self.address, "read"):
            self.rows.count()
        self.vectors.ready()

    def write_snapshot(self) -> None:
        """Bring the search snapshot up to date, if the gallery is to have one."""
        if self.snapshot is not None:
            self.snapshot.refresh()

    @property
    def has_snapshot(self) -> bool:
        """Whether there is a search snapshot of the present version."""
        return self.snapshot is not None and self.snapshot.current() is not None

    def catch_up(self) -> None:
        """Bring the search snapshot up to date before a search, if that takes a moment only."""
        if self.snapshot is not None:
            self.snapshot.catch_up()

    def upsert(self, rows: pa.Table, keep: Sequence[str] = ()) -> None:
        """Replace all images of the products among the rows, in one commit.

        Args:
            rows: columns PLAIN and INTERNAL, and metadata columns.
            keep: ids of images of these products that stay although they are not among the rows.

        Raises:
            CollectionError: when the disk is full or the collection may not be written.
        """
        if len(rows) == 0:
            return
        with plain_errors(self.address, "written"):
            self.rows.add_columns(rows.column_names)
            products = rows["product_id"].unique().to_pylist()
            wanted = {*rows["image_id"].to_pylist(), *several(keep)}
            removed = self._images_of(products) - wanted
            self.rows.merge(rows, removed)
            # Another process may have added images of them meanwhile.
            while former := self._images_of(products) - wanted:
                self.rows.merge(rows, former)
                removed |= former
            if removed:
                self.picture_text.delete_images(removed)
            if "digest" in rows.column_names:
                present = zip(rows["image_id"].to_pylist(), rows["digest"].to_pylist(), strict=True)
                self.picture_text.delete_changed(dict(present))

    def _images_of(self, product_ids: Sequence[str]) -> set[str]:
        rows = self.rows.select(["image_id"], of_products(product_ids))
        return set(rows["image_id"].to_pylist())

    def write_fragments(self, rows: pa.Table) -> list[str]:
        """Write rows as fragments that become visible with `publish`; return the fragments.

        Raises:
            CollectionError: when the disk is full or the collection may not be written.
        """
        if len(rows) == 0:
            return []
        with plain_errors(self.address, "written"):
            return write_fragments(self.rows.location, self.rows.complete(rows))

    def publish(self, fragments: Sequence[str], examined: int) -> list[str]:
        """Make fragments of new products visible, in one commit.

        Args:
            fragments: from `write_fragments`.
            examined: a version without these products.

        Returns:
            Products that another process wrote since that version; they stay as it wrote them.

        Raises:
            CollectionError: when the collection may not be written.
        """
        if not fragments:
            return []
        with plain_errors(self.address, "written"):
            written_before = append_fragments(self.rows.location, several(fragments), examined)
            self.rows.table.refresh()
            return written_before

    def delete(self, product_ids: Iterable[str]) -> int:
        """Remove products and their failures; return the number of images removed."""
        ids = several_ids(product_ids)
        gone = self.rows.delete(of_products(ids))
        self.failures.delete(ids)
        self.picture_text.delete(ids)
        return gone

    def ensure_indexes(self, *, rebuild: bool = False) -> None:
        """Create missing indexes, those of vectors above the number of images that is scanned.

        Args:
            rebuild: recreate the index of the descriptors, after all of them have changed.
        """
        with plain_errors(self.address, "written"):
            self.rows.indexes.ensure(rebuild=rebuild)

    def compact(self, written: int = 0) -> None:
        """Merge small fragments and index new rows, if there are enough to slow a search.

        Args:
            written: images just written.
        """
        compact(self.rows, written)


@contextmanager
def _set_up(target: AnyPath) -> Iterator[str]:
    """Yield the address at which to create a gallery that no process sees incomplete.

    A folder is created under another name and renamed. Objects cannot be renamed: there a gallery
    is complete once it has settings, which are written last.
    """
    if isinstance(target, RemotePath):
        yield str(target)
        return
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    create_folder(aside, target)
    try:
        yield str(aside)
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
