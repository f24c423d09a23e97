"""A gallery whose nearest images are found by a Milvus cluster."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beautylens.errors import CollectionError
from beautylens.paths import place
from beautylens.results import Matches
from beautylens.store.forked import refuse_forked
from beautylens.store.gallery import Gallery
from beautylens.store.lance import plain_errors
from beautylens.store.milvus.address import Address
from beautylens.store.milvus.collection import Contents, Milvus
from beautylens.store.milvus.filter import milvus_filter
from beautylens.store.rows import Vectors
from beautylens.store.schema import PLAIN


class ClusteredGallery(Gallery):
    """A gallery that asks Milvus which images are near; all else it reads and writes itself.

    Milvus is never done without: where it fails, so does the search.

    Args:
        address: of the gallery.
        vectors: `milvus+http://host:19530/NAME`; without a NAME, one made of the
            gallery's own name and id.
        named_by_gallery: whether the address comes from the gallery, which may be a stranger's:
            no secret is sent there.

    Raises:
        CollectionError: when there is no gallery, or the address cannot be understood.
    """

    def __init__(
        self, address: str | Path, vectors: str, *, named_by_gallery: bool = False
    ) -> None:
        super().__init__(address)
        self._named_by_gallery = named_by_gallery
        folder = place(address)
        # Galleries that were made before there were ids are told apart by their path.
        path = hashlib.blake2b(str(folder.absolute()).encode(), digest_size=4).hexdigest()
        self.id = str(self.settings.get("id", path))
        self.vectors_address = Address.parse(vectors, _name(folder.resolve().name, self.id))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the two addresses."""
        reopen = partial(type(self), named_by_gallery=self._named_by_gallery)
        return reopen, (self.address, str(self.vectors_address))

    @cached_property
    def cluster(self) -> Milvus:
        """The cluster, filled or not.

        Raises:
            CollectionError: when it cannot be reached, or holds another gallery; or when there is a
                token, and nobody but the gallery named the cluster.
        """
        token = os.environ.get("MILVUS_TOKEN", "")
        if token and self._named_by_gallery:
            raise CollectionError(
                f"{self.address} names the cluster {self.vectors_address}, and MILVUS_TOKEN is "
                "sent only to one that you name: if it is yours, say --vectors "
                f"{self.vectors_address}; if not, --vectors '' searches without it"
            )
        made_with = [self.settings.get(name, {}) for name in ("encoder", "aggregate")]
        encoder = "+".join(each["fingerprint"] for each in made_with if each)
        contents = Contents(self.id, encoder, self.vector_lengths)
        return Milvus(self.vectors_address, contents, token)

    @cached_property
    def _filled(self) -> Milvus:
        """The cluster, to be searched.

        Raises:
            CollectionError: when the first sync has not come to its end.
        """
        if self.cluster.exists() and not self.cluster.was_filled():
            raise CollectionError(
                f"{self.vectors_address} was not filled to the end; run `beautylens sync` again"
            )
        return self.cluster

    def ready(self) -> None:
        """Raise unless the gallery and the cluster can be searched.

        Raises:
            CollectionError: saying why not.
        """
        super().ready()
        some = np.eye(1, self.dimensions, dtype=np.float32)[0]
        self._filled.near(some, 1, "", "descriptor")
        # Another gallery's vectors would be searched without an error.
        self.cluster.version()

    def nearest(
        self,
        descriptor: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        among: Sequence[str] | None = None,
        column: Vectors = "descriptor",
    ) -> Matches:
        """Return the matches nearest to a vector, scored on the gallery's own vectors.

        The cluster only says which images to score; all else as in `GalleryLookup.nearest`.
        """
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
        """Return the cluster's own cosines by place, for callers that score the images themselves.

        No row is read, and images that the gallery no longer has are left out; all else as in
        `GalleryLookup.near`.

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
        # The client of the cluster has threads, too.
        refuse_forked(self.address)
        asked = ""
        if where:
            asked = milvus_filter(where, [*PLAIN, *self.extra])
        # An index may hold copies of eight bits: half as many again, as in the gallery's own.
        return self._filled.near(vector, depth * 3 // 2, asked, column)


def _name(folder: str, own: str) -> str:
    """Return a name of the folder and the id: a gallery that was copied has its id in common."""
    plain = re.sub(r"[^a-z0-9]+", "_", folder.lower())
    return f"beautylens_{plain}_{own[:8]}"
