"""Matrices between all images of a gallery, for diffusion, kept with it as bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self
from zipfile import BadZipFile

import numpy as np
import scipy

from beautylens.arrays import Float64
from beautylens.errors import CollectionError
from beautylens.features.neighbours.diffusion import (
    Graph,
    late_diffusion,
    mutual,
    offline_diffusion,
)
from beautylens.features.neighbours.knn import nearest_neighbours
from beautylens.ingest.originals import originals
from beautylens.store.gallery import Gallery


@dataclass(frozen=True, eq=False)
class ImageMatrix:
    """A sparse matrix between the images of a gallery.

    image_ids (N,), sorted; matrix (N, N), rows and columns in that order.
    """

    image_ids: tuple[str, ...]
    matrix: scipy.sparse.csr_matrix

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {image_id: row for row, image_id in enumerate(self.image_ids)}

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
    def from_bytes(cls, data: bytes) -> Self:
        """Return the matrix that `to_bytes` stored.

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


class NeighbourGraph(ImageMatrix):
    """The similarities of mutual nearest neighbours among all images of a gallery, float32."""

    @classmethod
    def of(cls, gallery: Gallery, k_d: int) -> NeighbourGraph:
        """Compute the graph of all images of a gallery, by their original descriptors.

        Args:
            gallery: of any size; the time grows with its square.
            k_d: nearest images of an image, itself included.
        """
        with originals(gallery) as kept:
            edges = mutual(nearest_neighbours(kept.descriptors, k_d - 1))
            return cls(kept.image_ids, edges.astype(np.float32))

    def among(self, image_ids: Sequence[str]) -> scipy.sparse.csr_matrix:
        """Return the similarities (n, n) float64 among these images, in this order.

        An image that was added since is no neighbour of any.
        """
        rows = np.array([self._rows.get(image_id, -1) for image_id in image_ids], np.intp)
        known = np.flatnonzero(rows >= 0)
        cut = self.matrix[rows[known]][:, rows[known]].tocoo()
        cells = (known[cut.row], known[cut.col])
        shape = (len(image_ids), len(image_ids))
        return scipy.sparse.csr_matrix((cut.data.astype(np.float64), cells), shape)


class OfflineDiffusion(ImageMatrix):
    """The diffusion from each image of a gallery to all others, float32 (Yang et al., 2019)."""

    @classmethod
    def of(cls, gallery: Gallery, graph: Graph, *, truncation: int = 1024) -> OfflineDiffusion:
        """Compute the diffusion over all images of a gallery, by their original descriptors."""
        with originals(gallery) as kept:
            matrix = offline_diffusion(kept.descriptors, graph, truncation=truncation)
            return cls(kept.image_ids, matrix)

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
