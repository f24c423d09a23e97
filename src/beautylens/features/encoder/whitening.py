"""Linear projections of descriptors: z-score, PCA, and PCA-whitening."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beautylens.arrays import Float32, Float64
from beautylens.errors import EncoderError
from beautylens.features.encoder.pooling import unit_rows

EXACT = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """A linear projection of centred descriptors (Jegou and Chum, 2012).

    mean (C,) float32; matrix (D, C) float32.
    """

    mean: Float32
    matrix: Float32

    def __call__(self, descriptors: Float32) -> Float32:
        """Return the projected descriptors, unit rows: (N, C) to (N, D)."""
        projected = (descriptors - self.mean) @ self.matrix.T
        return unit_rows(np.asarray(projected, np.float32))

    @classmethod
    def fit(
        cls,
        descriptors: Float32,
        dimensions: int | None,
        *,
        power: float = 0.5,
        zscore: bool = False,
    ) -> Whitening:
        """Return a projection fitted on descriptors (N, C).

        Args:
            descriptors: (N, C) float32.
            dimensions: number of principal axes; None keeps the original axes.
            power: exponent of whitening: 0 is plain PCA, 1 is full whitening.
            zscore: divide each channel by its standard deviation first.

        Raises:
            EncoderError: when there are too few descriptors for the dimensions.
        """
        if len(descriptors) <= (dimensions or 1):
            raise EncoderError(
                f"{len(descriptors)} descriptors are too few for {dimensions or 1} dimensions; "
                "give more pictures, or fewer dimensions"
            )
        mean = descriptors.mean(axis=0, dtype=np.float64)
        # A constant channel is scaled to 0.
        spread = descriptors.std(axis=0, dtype=np.float64) if zscore else np.ones_like(mean)
        scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-12)
        if dimensions is None:
            axes = np.diag(scale)
        else:
            values = (descriptors - mean.astype(np.float32)) * scale.astype(np.float32)
            axes = _principal_axes(values, dimensions, power) * scale
        return cls(mean.astype(np.float32), axes.astype(np.float32))

    def to_bytes(self) -> bytes:
        """Return mean and matrix, in full precision, as the bytes of an .npz file."""
        stream = io.BytesIO()
        np.savez(stream, mean=self.mean, matrix=self.matrix)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Whitening:
        """Return the projection that `to_bytes` stored."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(arrays["mean"], arrays["matrix"])

    def save(self, path: Path) -> None:
        """Write mean and matrix as float16 to an .npz file."""
        np.savez_compressed(
            path, mean=self.mean.astype(np.float16), matrix=self.matrix.astype(np.float16)
        )

    @classmethod
    def load(cls, path: Path) -> Whitening:
        """Return the projection of a file that `save` wrote.

        Raises:
            EncoderError: when the file holds no whitening.
        """
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return cls(arrays["mean"].astype(np.float32), arrays["matrix"].astype(np.float32))
        except (OSError, KeyError, ValueError) as error:
            raise EncoderError(
                f"{path}: not a whitening file ({error}); export the encoder again"
            ) from error


def _principal_axes(values: Float32, dimensions: int, power: float) -> Float64:
    """Return the first principal axes (D, C), each divided by its standard deviation^power.

    Exact for up to 4,096 channels or descriptors; beyond, by randomised SVD (Halko et al., 2011)
    with a fixed seed.
    """
    if min(values.shape) <= EXACT:
        _, spreads, axes = np.linalg.svd(values.astype(np.float64), full_matrices=False)
    else:
        from sklearn.utils.extmath import randomized_svd

        _, spreads, axes = randomized_svd(values, dimensions, random_state=0)
    deviations = spreads[:dimensions, None] / np.sqrt(len(values) - 1)
    return np.asarray(axes[:dimensions] / np.maximum(deviations, 1e-9) ** power)
