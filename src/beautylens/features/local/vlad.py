"""Aggregated local descriptors: all keypoints of a picture as one vector, so that they retrieve.

VLAD (Jegou et al., "Aggregating local descriptors into a compact image representation", CVPR
2010), normalised within each word (Arandjelovic and Zisserman, "All about VLAD", CVPR 2013), of
descriptors reduced by PCA (Jegou et al., PAMI 2012).
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

# More keypoints than that teach k-means nothing new: some hundreds a word.
TAUGHT = 200_000
# Channels of a keypoint's descriptor that are kept: a quarter of the cost, no loss measured.
REDUCED = 64
# What a keypoint differs by from a word that it made alone; descriptors are whole numbers to 255.
ROUNDING = 0.01


@dataclass(frozen=True, eq=False)
class VladEncoder:
    """A vocabulary of local descriptors and a projection of what is aggregated over it.

    axes (128, L) float32 reduce a stored keypoint descriptor; words (W, L) float32 are centres of
    reduced ones; the projection takes W x L channels.
    """

    axes: Float32
    words: Float32
    projection: Whitening

    def __call__(self, pictures: Sequence[Keypoints]) -> Float32:
        """Return one unit row a picture, (N, D) float32; zeros where it has no keypoints."""
        rows = np.zeros((len(pictures), self.dimensions), np.float32)
        printed = [place for place, keypoints in enumerate(pictures) if len(keypoints)]
        if printed:
            stacked = np.stack([self._aggregated(pictures[place]) for place in printed])
            rows[printed] = self.projection(stacked)
        return rows

    @property
    def dimensions(self) -> int:
        """The length D of a row."""
        return len(self.projection.matrix)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that a row depends on beside the keypoints."""
        digest = hashlib.sha256()
        for array in (self.axes, self.words, self.projection.mean, self.projection.matrix):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def fit(cls, pictures: Sequence[Keypoints], words: int, dimensions: int) -> VladEncoder:
        """Learn vocabulary and projection from the keypoints of pictures.

        Fewer words are learnt where the pictures have too few keypoints for more.
        """
        printed = [keypoints.descriptors for keypoints in pictures if len(keypoints)]
        taught = _taught(printed)
        # Sums in an order of their own for each number of threads would differ by machine.
        with threadpool_limits(1):
            axes = _principal_axes(taught)
            centres = learn_words(taught @ axes, words)
            rows = [vlad(descriptors @ axes, centres) for descriptors in printed]
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
            # Values that a half holds exactly: `learn_projection` rounds them.
            matrix=self.projection.matrix.astype(np.float16),
        )
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> VladEncoder:
        """Return what `to_bytes` stored."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            projection = Whitening(arrays["mean"], arrays["matrix"].astype(np.float32))
            return cls(arrays["axes"], arrays["words"], projection)

    def _aggregated(self, keypoints: Keypoints) -> Float32:
        return vlad(keypoints.descriptors @ self.axes, self.words)


def vlad(descriptors: Float32, words: Float32) -> Float32:
    """Return what the descriptors differ by from their nearest words, summed by word: (W * L,).

    Each word's sum has unit length, so that a pattern that repeats on a pack counts once, and so
    has the whole.

    Args:
        descriptors: (K, L) float32, one or more, in the units of stored ones.
        words: (W, L) float32.
    """
    nearest = (descriptors @ words.T - (words * words).sum(axis=1) / 2).argmax(axis=1)
    chosen = np.zeros((len(descriptors), len(words)), np.float32)
    chosen[np.arange(len(descriptors)), nearest] = 1
    sums = chosen.T @ descriptors - chosen.sum(axis=0)[:, None] * words
    sums[np.abs(sums).max(axis=1) < ROUNDING] = 0
    return unit_rows(unit_rows(sums).ravel())


def learn_words(descriptors: Float32, words: int) -> Float32:
    """Return at most `words` centres (W, L) of local descriptors (K, L), from a fixed seed."""
    from sklearn.cluster import MiniBatchKMeans

    if len(descriptors) == 0:
        return np.zeros((1, descriptors.shape[1]), np.float32)
    learner = MiniBatchKMeans(
        min(words, len(descriptors)), batch_size=4096, n_init=1, max_iter=20, random_state=0
    )
    return np.asarray(learner.fit(descriptors).cluster_centers_, np.float32)


def learn_projection(rows: Float32, dimensions: int) -> Whitening:
    """Return a projection of rows (N, C) on orthogonal axes of unit length, the principal first.

    A catalogue may start with fewer pictures than there are dimensions, and grow: the axes that
    they leave free are drawn at random, for what resembles none of them (Johnson and Lindenstrauss,
    1984). Cosines among the N pictures stay as they are, and chance agreement is as small in a
    young catalogue as in a large one.
    """
    # Of one picture alone nothing would be left.
    mean = rows.mean(axis=0) * np.float32(len(rows) > 1)
    centred = rows - mean
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    # Near copies of a picture add no axis.
    kept = np.flatnonzero(values > 1e-5 * max(values[-1], 1e-5))[::-1][:dimensions]
    principal = (vectors[:, kept] / np.sqrt(values[kept])).T.astype(np.float32) @ centred
    shape = (dimensions - len(kept), rows.shape[1])
    drawn = np.random.default_rng(0).standard_normal(shape, np.float32)
    drawn -= drawn @ principal.T @ principal
    # So many channels that what was drawn is all but orthogonal and of one length.
    matrix = np.concatenate([principal, drawn / np.float32(np.sqrt(rows.shape[1]))])
    return Whitening(mean, matrix.astype(np.float16).astype(np.float32))


def _taught(descriptors: Sequence[UInt8]) -> Float32:
    """Return the keypoint descriptors to learn from, (K, 128) float32, drawn from a fixed seed."""
    stacked = np.concatenate([*descriptors, np.empty((0, SIFT_LENGTH), np.uint8)])
    if len(stacked) > TAUGHT:
        stacked = stacked[np.random.default_rng(0).choice(len(stacked), TAUGHT, replace=False)]
    return stacked.astype(np.float32)


def _principal_axes(descriptors: Float32) -> Float32:
    """Return the axes (128, L) along which descriptors (K, 128) vary most."""
    centred = descriptors - descriptors.mean(axis=0) if len(descriptors) else descriptors
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :REDUCED], np.float32)
