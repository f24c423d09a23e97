"""The offline part of late diffusion, computed over a whole gallery and kept with it as bytes."""

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
from beautylens.ingest.originals import originals
from beautylens.store.gallery import Gallery


@dataclass(frozen=True, eq=False)
class OfflineDiffusion:
    """The diffusion from each image of a gallery to all others (Yang et al., 2019).

    image_ids (N,), sorted; matrix (N, N) float32, sparse, rows and columns in that order.
    """

    image_ids: tuple[str, ...]
    matrix: scipy.sparse.csr_matrix

    @classmethod
    def of(cls, gallery: Gallery, graph: Graph, *, truncation: int = 1024) -> OfflineDiffusion:
        """Compute the diffusion over all images of a gallery, by their original descriptors."""
        with originals(gallery) as kept:
            matrix = offline_diffusion(kept.descriptors, graph, truncation=truncation)
            return cls(kept.image_ids, matrix)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {image_id: row for row, image_id in enumerate(self.image_ids)}

    def scores(self, image_ids: Sequence[str], weights: Float64) -> dict[str, float]:
        """Return the diffusion score of each image that a query reaches, by image id.

        Args:
            image_ids: the images that the query is joined to.
            weights: (k_q,) of those edges.
        """
        rows = np.array([self._rows[image_id] for image_id in image_ids], np.intp)
        reached = late_diffusion(self.matrix, rows, weights)
        return {
            self.image_ids[row]: float(value)
            for row, value in zip(reached.indices, reached.data, strict=True)
        }

    def refuse_changed(self, gallery: Gallery) -> None:
        """Raise unless the gallery holds exactly the images that this was computed over.

        A picture replaced under its own id is not noticed and keeps its former neighbours.

        Raises:
            CollectionError: when images were added or removed.
        """
        if gallery.rows.image_ids() != set(self.image_ids):
            raise CollectionError(
                f"{gallery.address}: images were added or removed since its diffusion was "
                "computed; run `beautylens index` again"
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
        """Return the diffusion that `to_bytes` stored.

        Raises:
            CollectionError: when the data is damaged.
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
