"""The offline part of late diffusion: made once of a whole gallery, kept with it as bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from zipfile import BadZipFile

import numpy as np
import scipy

from beautylens.arrays import Float64
from beautylens.errors import CollectionError
from beautylens.features.neighbours.diffusion import Graph, late_diffusion, offline_diffusion
from beautylens.store.gallery import Gallery
from beautylens.store.originals import originals


@dataclass(frozen=True, eq=False)
class OfflineDiffusion:
    """What a query that touches one image alone spreads to the others, for every image.

    image_ids (N,), sorted; matrix (N, N) float32, sparse, rows and columns in that order.
    """

    image_ids: tuple[str, ...]
    matrix: scipy.sparse.csr_matrix

    @classmethod
    def of(cls, gallery: Gallery, graph: Graph, *, truncation: int = 1024) -> OfflineDiffusion:
        """Make it of all images of a gallery, by their descriptors as the encoder made them."""
        with originals(gallery) as kept:
            matrix = offline_diffusion(kept.descriptors, graph, truncation=truncation)
            return cls(kept.image_ids, matrix)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {image_id: place for place, image_id in enumerate(self.image_ids)}

    def spread(self, image_ids: Sequence[str], weights: Float64) -> dict[str, float]:
        """Return what reaches each image from those that a query touches, by image id.

        Args:
            image_ids: the images touched.
            weights: (k_q,) how strongly each is.
        """
        rows = np.array([self._places[image_id] for image_id in image_ids], np.intp)
        reached = late_diffusion(self.matrix, rows, weights)
        return {
            self.image_ids[place]: float(value)
            for place, value in zip(reached.indices, reached.data, strict=True)
        }

    def refuse_changed(self, gallery: Gallery) -> None:
        """Raise if the gallery does not hold exactly the images that this was made of.

        A picture replaced under its own id is not noticed; it keeps its former neighbours.

        Raises:
            CollectionError: saying what to do about it.
        """
        if gallery.rows.image_ids() != set(self.image_ids):
            raise CollectionError(
                f"{gallery.address}: images were added or removed since its diffusion was made; "
                "run `beautylens index` again"
            )

    def to_bytes(self) -> bytes:
        """Return the stored form: an .npz of the sparse matrix and the image ids as JSON."""
        ids = np.frombuffer(json.dumps(self.image_ids).encode(), np.uint8)
        file = io.BytesIO()
        np.savez(
            file,
            image_ids=ids,
            values=self.matrix.data,
            columns=self.matrix.indices,
            starts=self.matrix.indptr,
        )
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> OfflineDiffusion:
        """Return what `to_bytes` stored.

        Raises:
            CollectionError: when the bytes hold something else.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                image_ids = tuple(json.loads(arrays["image_ids"].tobytes()))
                parts = (arrays["values"], arrays["columns"], arrays["starts"])
            return cls(image_ids, scipy.sparse.csr_matrix(parts, (len(image_ids), len(image_ids))))
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise CollectionError(
                f"the collection's diffusion is damaged ({error}); run `beautylens index` again"
            ) from error
