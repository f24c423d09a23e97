"""A Milvus cluster as the vector index of a gallery."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.errors import CollectionError
from beautylens.files.paths import as_path
from beautylens.store.columns import Vectors
from beautylens.store.forked import refuse_forked
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.address import Address
from beautylens.store.milvus.checksums import row_checksums
from beautylens.store.milvus.collection import Contents, Milvus
from beautylens.store.milvus.filter import milvus_filter
from beautylens.store.rows import Rows

# Rows per request: with two vectors of 512 dimensions an image has about 5 kB.
WRITTEN_ROWS = 1024


class MilvusIndex:
    """The vectors of a gallery in a Milvus collection, derived from its rows by `sync`.

    There is no fallback: if Milvus fails, the search fails.

    Args:
        rows: of the gallery.
        settings: of the gallery.
        address: `milvus+http://host:19530/NAME`; NAME by default from the gallery's name and id.
        named_by_gallery: whether the address is from the gallery, which may be a stranger's: no
            token is sent there.

    Raises:
        CollectionError: when the address is invalid.
    """

    def __init__(
        self,
        rows: Rows,
        settings: Mapping[str, Any],
        address: str,
        *,
        named_by_gallery: bool = False,
    ) -> None:
        self.rows = rows
        self.id = str(settings["id"])
        folder = as_path(rows.address)
        self.address = Address.parse(address, _name(folder.resolve().name, self.id))
        self._settings, self._named_by_gallery = settings, named_by_gallery

    @cached_property
    def cluster(self) -> Milvus:
        """The Milvus collection, filled or not.

        Raises:
            CollectionError: when it cannot be reached or is of another gallery, or when a token is
                set for a cluster that only the gallery names.
        """
        token = os.environ.get("MILVUS_TOKEN", "")
        if token and self._named_by_gallery:
            raise CollectionError(
                f"{self.rows.address} names the cluster {self.address}, and MILVUS_TOKEN is "
                "sent only to one that you name: add --vectors "
                f"{self.address} if it is yours, or --vectors '' to search without it"
            )
        made_with = [self._settings.get(name, {}) for name in ("encoder", "vlad")]
        encoder = "+".join(each["fingerprint"] for each in made_with if each)
        contents = Contents(self.id, encoder, self.rows.vector_lengths)
        return Milvus(self.address, contents, token)

    @cached_property
    def _filled(self) -> Milvus:
        """The Milvus collection after its first sync.

        Raises:
            CollectionError: when the first sync was not completed.
        """
        if self.cluster.exists() and not self.cluster.was_filled():
            raise CollectionError(f"{self.address} is filled in part; run `beautylens sync` again")
        return self.cluster

    def search(
        self,
        vector: Float32,
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return the cosines from Milvus by row id, without images that the gallery lost.

        Raises:
            QueryError: when Milvus cannot express the condition.
            CollectionError: when the cluster does not answer.
        """
        # The Milvus client has threads, too.
        refuse_forked(self.rows.address)
        asked = milvus_filter(where, self.rows.text_columns) if where else ""
        # The index may have 8-bit copies: half as many again, as with Lance.
        cosines = self._filled.search(vector, depth * 3 // 2, asked, column)
        row_ids = self.rows.row_ids(cosines)
        return {row_id: cosines[image_id] for image_id, row_id in row_ids.items()}

    def upsert(self, rows: pa.Table) -> None:
        """Write images, replacing those with the same ids."""
        for start in range(0, len(rows), WRITTEN_ROWS):
            part = rows.slice(start, WRITTEN_ROWS)
            self.cluster.upsert(part, row_checksums(part, self.rows.text_columns))

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images."""
        self.cluster.delete(image_ids)

    def count(self) -> int:
        """Return the number of images."""
        return self.cluster.count()

    def ready(self) -> None:
        """Raise unless the cluster can be searched and is of this gallery."""
        some = np.eye(1, self.rows.dimensions, dtype=np.float32)[0]
        self._filled.search(some, 1, "", "descriptor")
        # Raises for another gallery, which would be searched without an error.
        self.cluster.version()


def open_with_milvus(
    address: str | Path, vectors: str, *, named_by_gallery: bool = False
) -> Gallery:
    """Open a gallery whose vector index is a Milvus cluster.

    Args:
        address: of the gallery.
        vectors: of the cluster, as `MilvusIndex` takes it.
        named_by_gallery: as in `MilvusIndex`.

    Raises:
        CollectionError: when there is no gallery, or an address is invalid.
    """
    index = partial(MilvusIndex, address=vectors, named_by_gallery=named_by_gallery)
    return Gallery(address, index)


def _name(folder: str, own: str) -> str:
    """Return a name from the folder and the id, since a copied gallery has the same id."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.lower())
    return f"beautylens_{plain}_{own[:8]}"
