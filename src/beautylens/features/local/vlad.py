"""VLAD: the local descriptors of a picture aggregated into one vector for retrieval.

Jegou et al., "Aggregating local descriptors into a compact image representation", CVPR 2010, with
intra-normalisation (Arandjelovic and Zisserman, "All about VLAD", CVPR 2013) and PCA of the
descriptors (Jegou et al., PAMI 2012).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from threadpoolctl import threadpool_limits

from beautylens.arrays import Float32, UInt8
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.local.keypoints import SIFT_LENGTH, Keypoints

# Keypoints that k-means is fitted on, some hundreds a word: more gain nothing.
TRAINING_SAMPLE = 200_000
# Principal components kept of a descriptor: a quarter of the cost, no loss measured.
REDUCED = 64
# Residuals below this are rounding, as of a word made from one keypoint. Descriptors go to 255.
ROUNDING = 0.01


@dataclass(frozen=True, eq=False)
class VladEncoder:
    """VLAD of keypoints: PCA of descriptors, a vocabulary, and a projection of the aggregate.

    axes (128, L) float32 are the principal axes of descriptors; words (W, L) float32 are the visual
    words; the projection takes W x L channels.
    """

    axes: Float32
    words: Float32
    projection: Whitening

    def __call__(self, pictures: Sequence[Keypoints]) -> Float32:
        """Return the VLAD of each picture, (N, D) float32, unit rows; zeros without keypoints."""
        rows = np.zeros((len(pictures), self.dimensions), np.float32)
        filled = [index for index, keypoints in enumerate(pictures) if len(keypoints)]
        if filled:
            stacked = np.stack([self._aggregated(pictures[index]) for index in filled])
            rows[filled] = self.projection(stacked)
        return rows

    @property
    def dimensions(self) -> int:
        """The length D of a row."""
        return len(self.projection.matrix)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the axes, the words and the projection."""
        digest = hashlib.sha256()
        for array in (self.axes, self.words, self.projection.mean, self.projection.matrix):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def fit(cls, pictures: Sequence[Keypoints], words: int, dimensions: int) -> VladEncoder:
        """Return an encoder fitted on the keypoints of pictures.

        There are fewer words if the pictures have too few keypoints.
        """
        descriptors = [keypoints.descriptors for keypoints in pictures if len(keypoints)]
        sample = _training_sample(descriptors)
        # One thread: the order of sums, and so the result, depends on the number of threads.
        with threadpool_limits(1):
            axes = _principal_axes(sample)
            centres = learn_words(sample @ axes, words)
            rows = [vlad(each @ axes, centres) for each in descriptors]
            stacked = np.stack(rows) if rows else np.zeros((1, centres.size), np.float32)
            return cls(axes, centres, learn_projection(stacked, dimensions))

    def to_bytes(self) -> bytes:
        """Return the arrays as an .npz file's bytes."""
        stream = io.BytesIO()
        np.savez(
            stream,
            axes=self.axes,
            words=self.words,
            mean=self.projection.mean,
            # Exact in float16: `learn_projection` rounds to it.
            matrix=self.projection.matrix.astype(np.float16),
        )
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> VladEncoder:
        """Return the encoder that `to_bytes` stored."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            projection = Whitening(arrays["mean"], arrays["matrix"].astype(np.float32))
            return cls(arrays["axes"], arrays["words"], projection)

    def _aggregated(self, keypoints: Keypoints) -> Float32:
        return vlad(keypoints.descriptors @ self.axes, self.words)


def vlad(descriptors: Float32, words: Float32) -> Float32:
    """Return the VLAD of descriptors, (W * L,): residuals to the nearest word, summed by word.

    Each word's sum is normalised to unit length (intra-normalisation), so that a pattern that
    repeats on a pack counts once, and then the whole vector.

    Args:
        descriptors: (K, L) float32, K at least 1, reduced by PCA.
        words: (W, L) float32.
    """
    nearest = (descriptors @ words.T - (words * words).sum(axis=1) / 2).argmax(axis=1)
    chosen = np.zeros((len(descriptors), len(words)), np.float32)
    chosen[np.arange(len(descriptors)), nearest] = 1
    sums = chosen.T @ descriptors - chosen.sum(axis=0)[:, None] * words
    sums[np.abs(sums).max(axis=1) < ROUNDING] = 0
    return unit_rows(unit_rows(sums).ravel())


def learn_words(descriptors: Float32, words: int) -> Float32:
    """Return at most `words` k-means centres (W, L) of descriptors (K, L), with a fixed seed."""
    from sklearn.cluster import MiniBatchKMeans

    if len(descriptors) == 0:
        return np.zeros((1, descriptors.shape[1]), np.float32)
    learner = MiniBatchKMeans(
        min(words, len(descriptors)), batch_size=4096, n_init=1, max_iter=20, random_state=0
    )
    return np.asarray(learner.fit(descriptors).cluster_centers_, np.float32)


def learn_projection(rows: Float32, dimensions: int) -> Whitening:
    """Return a projection of rows (N, C) to orthonormal axes: principal ones, then random ones.

    A catalogue may start with fewer pictures than dimensions, and grow: the remaining axes are
    random (Johnson and Lindenstrauss, 1984) and represent pictures unlike the first ones. Cosines
    among the N pictures are kept, and the cosine of unrelated pictures is as small in a young
    catalogue as in a large one.
    """
    # A single picture is not centred: nothing of it would be left.
    mean = rows.mean(axis=0) * np.float32(len(rows) > 1)
    centred = rows - mean
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    # Near duplicates add no axis.
    kept = np.flatnonzero(values > 1e-5 * max(values[-1], 1e-5))[::-1][:dimensions]
    principal = (vectors[:, kept] / np.sqrt(values[kept])).T.astype(np.float32) @ centred
    shape = (dimensions - len(kept), rows.shape[1])
    drawn = np.random.default_rng(0).standard_normal(shape, np.float32)
    drawn -= drawn @ principal.T @ principal
    # With so many channels random axes are almost orthogonal and of equal length.
    matrix = np.concatenate([principal, drawn / np.float32(np.sqrt(rows.shape[1]))])
    return Whitening(mean, matrix.astype(np.float16).astype(np.float32))


def _training_sample(descriptors: Sequence[UInt8]) -> Float32:
    """Return descriptors to fit on, (K, 128) float32, sampled with a fixed seed."""
    stacked = np.concatenate([*descriptors, np.empty((0, SIFT_LENGTH), np.uint8)])
    if len(stacked) > TRAINING_SAMPLE:
        stacked = stacked[
            np.random.default_rng(0).choice(len(stacked), TRAINING_SAMPLE, replace=False)
        ]
    return stacked.astype(np.float32)


def _principal_axes(descriptors: Float32) -> Float32:
    """Return the L first principal axes (128, L) of descriptors (K, 128)."""
    centred = descriptors - descriptors.mean(axis=0) if len(descriptors) else descriptors
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :REDUCED], np.float32)
