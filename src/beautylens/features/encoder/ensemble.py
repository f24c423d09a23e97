"""Ensemble of encoders: their descriptors weighted, concatenated and projected."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.encoder.precision import Precision
from beautylens.features.encoder.whitening import Whitening


@dataclass(frozen=True, slots=True)
class Part:
    """One encoder of an ensemble, and the weight of its unit descriptor."""

    encoder: Encoder
    weight: float = 1.0


class Ensemble(BaseEncoder):
    """An encoder that concatenates the weighted unit descriptors of several, as a unit vector.

    The dot product of two such vectors is the mean of the parts' cosines, weighted by the square of
    each part's weight. Parts that differ in their pooling alone share one run of the network.

    Args:
        parts: the encoders and their weights.
        projection: applied to the concatenated descriptors; None for none.
    """

    def __init__(self, parts: Sequence[Part], projection: Whitening | None = None) -> None:
        self.parts = tuple(parts)
        self.projection = projection
        # One encoder for each network run that parts share.
        self._runs = {part.encoder.run_key: part.encoder for part in self.parts}

    @property
    def name(self) -> str:
        """Names of the parts."""
        return " + ".join(part.encoder.name for part in self.parts)

    @property
    def side(self) -> int:
        """Input side of the largest part in pixels."""
        return max(part.encoder.side for part in self.parts)

    @property
    def precision(self) -> Precision:
        """Precision in which the networks compute."""
        return self.parts[0].encoder.precision

    def fit(self, picture: UInt8) -> tuple[UInt8, ...]:
        """Return the inputs of all networks of an (H, W, 3) picture."""
        return tuple(encoder.fit(picture) for encoder in self._runs.values())

    def describe(self, fitted: Sequence[tuple[UInt8, ...]], *, query: bool = False) -> Float32:
        """Return the descriptors (N, D) of fitted pictures, unit rows."""
        outputs = {
            key: encoder.outputs(pictures)
            for (key, encoder), pictures in zip(
                self._runs.items(), zip(*fitted, strict=True), strict=True
            )
        }
        joined = np.concatenate(
            [
                part.encoder.describe_outputs(outputs[part.encoder.run_key], query=query)
                * np.float32(part.weight)
                for part in self.parts
            ],
            axis=1,
        )
        rows = unit_rows(joined)
        return rows if self.projection is None else self.projection(rows)

    def shared_by(self, callers: int) -> Ensemble:
        """Return the same ensemble for `callers` threads that call `describe` at the same time."""
        parts = [replace(part, encoder=part.encoder.shared_by(callers)) for part in self.parts]
        return Ensemble(parts, self.projection)

    def cosines(self, query: Float32, gallery: Float32) -> Float32:
        """Return each part's cosines, (P, N), of concatenated descriptors without projection.

        Args:
            query: (D,) float32.
            gallery: (N, D) float32.
        """
        ends = np.cumsum([0, *(part.encoder.dimensions for part in self.parts)])
        return np.stack(
            [
                unit_rows(gallery[:, start:end]) @ unit_rows(query[start:end])
                for start, end in pairwise(ends)
            ]
        )

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the parts and their weights; the projection belongs to a collection."""
        digest = hashlib.sha256()
        for part in self.parts:
            digest.update(f"{part.encoder.fingerprint} {part.weight!r};".encode())
        return digest.hexdigest()[:16]
