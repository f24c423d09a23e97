"""PCA-whitening of descriptors: fewer dimensions, with the loudest ones turned down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beautylens.errors import EncoderError
from beautylens.features.pooling import unit_rows

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """A centring and projection learnt from descriptors (Jegou and Chum, 2012).

    mean (C,) float32; matrix (D, C) float32.
    """

    mean: Floats
    matrix: Floats

    def __call__(self, descriptors: Floats) -> Floats:
        """Return the projected descriptors, unit rows: (N, C) to (N, D)."""
        projected = (descriptors - self.mean) @ self.matrix.T
        return unit_rows(np.asarray(projected, np.float32))

    @classmethod
    def fit(cls, descriptors: Floats, dimensions: int, *, power: float = 0.5) -> Whitening:
        """Learn from descriptors (N, C); `power` 0 is plain PCA, 1 is full whitening.

        Raises:
            EncoderError: when there are too few descriptors for that many dimensions.
        """
        if len(descriptors) <= dimensions:
            raise EncoderError(
                f"{len(descriptors)} descriptors cannot teach {dimensions} dimensions: give more "
                "pictures or ask for fewer dimensions"
            )
        values = descriptors.astype(np.float64)
        mean = values.mean(axis=0)
        _, spreads, axes = np.linalg.svd(values - mean, full_matrices=False)
        deviations = spreads[:dimensions, None] / np.sqrt(len(values) - 1)
        matrix = axes[:dimensions] / np.maximum(deviations, 1e-9) ** power
        return cls(mean.astype(np.float32), matrix.astype(np.float32))

    def save(self, path: Path) -> None:
        """Write the whitening as float16 arrays in an .npz file."""
        np.savez_compressed(
            path, mean=self.mean.astype(np.float16), matrix=self.matrix.astype(np.float16)
        )

    @classmethod
    def load(cls, path: Path) -> Whitening:
        """Read what `save` wrote.

        Raises:
            EncoderError: when the file does not hold a whitening.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(arrays["mean"].astype(np.float32), arrays["matrix"].astype(np.float32))
        except (OSError, KeyError, ValueError) as error:
            raise EncoderError(
                f"{path}: not a whitening file ({error}); export the encoder again"
            ) from error
