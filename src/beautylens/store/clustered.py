"""A gallery whose nearest images are found by a Milvus cluster."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beautylens.addresses import place
from beautylens.records import Matches
from beautylens.store.gallery import Gallery
from beautylens.store.lance import plain_errors
from beautylens.store.milvus import Address, Contents, Milvus
from beautylens.store.rows import Vectors
from beautylens.store.tables import PLAIN


class ClusteredGallery(Gallery):
    """A gallery that asks Milvus which images are near; all else it reads and writes itself.

    Milvus is never done without: where it fails, so does the search.

    Args:
        address: of the gallery.
        vectors: `milvus+http://host:19530/NAME`; without a NAME, one made of the gallery's address.

    Raises:
        CollectionError: when there is no gallery, or the address cannot be understood.
    """

    def __init__(self, address: str | Path, vectors: str) -> None:
        super().__init__(address)
        self.vectors_address = Address.parse(vectors, _name(self.address))

    @cached_property
    def cluster(self) -> Milvus:
        """The cluster, filled or not.

        Raises:
            CollectionError: when it cannot be reached, or holds what another encoder made.
        """
        made_with = [self.settings.get(name, {}) for name in ("encoder", "aggregate")]
        encoder = "+".join(each["fingerprint"] for each in made_with if each)
        return Milvus(self.vectors_address, Contents(encoder, self.vector_lengths))

    def ready(self) -> None:
        """Raise unless the gallery and the cluster can be searched.

        Raises:
            CollectionError: saying why not.
        """
        super().ready()
        self.cluster.count()

    def nearest(
        self,
        descriptor: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        among: Sequence[str] | None = None,
        column: Vectors = "descriptor",
    ) -> Matches:
        """Return what `GalleryLookup.nearest` does, scored on the gallery's own vectors."""
        if among is not None:
            return super().nearest(descriptor, depth, where, among, column)
        near = self._cosines_of(descriptor, depth, where, column)
        return super().nearest(descriptor, depth, among=list(near), column=column)

    def near(
        self,
        vector: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return what `GalleryLookup.near` does, without images that the gallery no longer has.

        Raises:
            QueryError: when the condition cannot be asked of Milvus.
            CollectionError: when the cluster does not answer.
        """
        cosines = self._cosines_of(vector, depth, where, column)
        with plain_errors(self.address, "searched"):
            places = self._places.of(cosines)
        return {place: cosines[image_id] for image_id, place in places.items()}

    def _cosines_of(
        self, vector: NDArray[np.float32], depth: int, where: str | None, column: Vectors
    ) -> dict[str, float]:
        asked = ""
        if where:
            # The parser of SQL takes longer to import than a search without a filter.
            from beautylens.store.milvus_filter import milvus_filter

            asked = milvus_filter(where, [*PLAIN, *self.extra])
        # An index may hold copies of eight bits: half as many again, as in the gallery's own.
        return self.cluster.near(vector, depth * 3 // 2, asked, column)


def _name(address: str) -> str:
    """Return a name for a Milvus collection that no gallery at another address has."""
    where = str(place(address).absolute())
    plain = re.sub(r"[^a-z0-9]+", "_", place(where).name.lower())
    return f"beautylens_{plain}_{hashlib.blake2b(where.encode(), digest_size=4).hexdigest()}"
