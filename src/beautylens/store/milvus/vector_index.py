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
from numpy.typing import NDArray

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
from beautylens.store.schema import PLAIN

# Rows of one request: with two vectors of 512 dimensions each image takes some 5 kB.
WRITTEN_ROWS = 1024


class MilvusIndex:
    """The vectors of a gallery in a Milvus collection, derived from its rows by `sync`.

    There is no fallback: where Milvus fails, so does the search.

    Args:
        rows: of the gallery.
        settings: of the gallery.
        address: `milvus+http://host:19530/NAME`; without a NAME, one made of the gallery's own
            name and id.
        named_by_gallery: whether the address comes from the gallery, which may be a stranger's:
            no secret is sent there.

    Raises:
        CollectionError: when the address cannot be understood.
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
            CollectionError: when it cannot be reached, or holds another gallery; or when there is a
                token, and nobody but the gallery named the cluster.
        """
        token = os.environ.get("MILVUS_TOKEN", "")
        if token and self._named_by_gallery:
            raise CollectionError(
                f"{self.rows.address} names the cluster {self.address}, and MILVUS_TOKEN is "
                "sent only to one that you name: if it is yours, say --vectors "
                f"{self.address}; if not, --vectors '' searches without it"
            )
        made_with = [self._settings.get(name, {}) for name in ("encoder", "vlad")]
        encoder = "+".join(each["fingerprint"] for each in made_with if each)
        contents = Contents(self.id, encoder, self.rows.vector_lengths)
        return Milvus(self.address, contents, token)

    @cached_property
    def _filled(self) -> Milvus:
        """The Milvus collection, to be searched.

        Raises:
            CollectionError: when the first sync has not come to its end.
        """
        if self.cluster.exists() and not self.cluster.was_filled():
            raise CollectionError(
                f"{self.address} was not filled to the end; run `beautylens sync` again"
            )
        return self.cluster

    def search(
        self,
        vector: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return Milvus's cosines by row id; images that the gallery no longer has are left out.

        Raises:
            QueryError: when the condition cannot be asked of Milvus.
            CollectionError: when the cluster does not answer.
        """
        # The client of the cluster has threads, too.
        refuse_forked(self.rows.address)
        asked = milvus_filter(where, self.texts) if where else ""
        # An index may hold copies of eight bits: half as many again, as in the gallery's own.
        cosines = self._filled.search(vector, depth * 3 // 2, asked, column)
        row_ids = self.rows.row_ids(cosines)
        return {row_id: cosines[image_id] for image_id, row_id in row_ids.items()}

    def upsert(self, rows: pa.Table) -> None:
        """Write images, in place of those that have their ids."""
        for start in range(0, len(rows), WRITTEN_ROWS):
            part = rows.slice(start, WRITTEN_ROWS)
            self.cluster.upsert(part, row_checksums(part, self.texts))

    def delete(self, image_ids: Sequence[str]) -> None:
        """Remove images."""
        self.cluster.delete(image_ids)

    def count(self) -> int:
        """Return how many images there are."""
        return self.cluster.count()

    def ready(self) -> None:
        """Raise unless the cluster can be searched and holds this gallery's vectors."""
        some = np.eye(1, self.rows.dimensions, dtype=np.float32)[0]
        self._filled.search(some, 1, "", "descriptor")
        # Another gallery's vectors would be searched without an error.
        self.cluster.version()

    @property
    def texts(self) -> list[str]:
        """The names of the text columns that the cluster holds."""
        return [*PLAIN, *self.rows.extra]


def open_with_milvus(
    address: str | Path, vectors: str, *, named_by_gallery: bool = False
) -> Gallery:
    """Open a gallery whose vector index is a Milvus cluster.

    Args:
        address: of the gallery.
        vectors: of the cluster, as `MilvusIndex` takes it.
        named_by_gallery: as in `MilvusIndex`.

    Raises:
        CollectionError: when there is no gallery, or an address cannot be understood.
    """
    index = partial(MilvusIndex, address=vectors, named_by_gallery=named_by_gallery)
    return Gallery(address, index)


def _name(folder: str, own: str) -> str:
    """Return a name of the folder and the id: a gallery that was copied has its id in common."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.lower())
    return f"beautylens_{plain}_{own[:8]}"
