"""Aggregated local descriptors: all keypoints of a picture as one vector, so that they retrieve.

VLAD (Jegou et al., "Aggregating local descriptors into a compact image representation", CVPR
2010), normalised within each word (Arandjelovic and Zisserman, "All about VLAD", CVPR 2013).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from beautylens.features.keypoints import SIFT_LENGTH, Keypoints
from beautylens.features.pooling import unit_rows
from beautylens.features.whitening import Whitening

Floats = NDArray[np.float32]

# More keypoints than that teach k-means nothing new: some hundreds a word.
TAUGHT = 200_000


@dataclass(frozen=True, eq=False)
class Aggregate:
    """A vocabulary of local descriptors and a projection of what is aggregated over it.

    words (W, L) float32, in the units of stored keypoint descriptors; the projection takes W x L
    channels.
    """

    words: Floats
    projection: Whitening

    def __call__(self, pictures: Sequence[Keypoints]) -> Floats:
        """Return one unit row a picture, (N, D) float32; zeros where it has no keypoints."""
        rows = np.zeros((len(pictures), len(self.projection.matrix)), np.float32)
        printed = [place for place, keypoints in enumerate(pictures) if len(keypoints)]
        if printed:
            found = [vlad(pictures[place].descriptors, self.words) for place in printed]
            rows[printed] = self.projection(np.stack(found))
        return rows

    @property
    def dimensions(self) -> int:
        """The length D of a row."""
        return len(self.projection.matrix)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that a row depends on beside the keypoints."""
        digest = hashlib.sha256()
        for array in (self.words, self.projection.mean, self.projection.matrix):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    @classmethod
    def fit(cls, pictures: Sequence[Keypoints], words: int, dimensions: int) -> Aggregate:
        """Learn vocabulary and projection from the keypoints of pictures.

        Fewer words are learnt where the pictures have too few keypoints for more.
        """
        printed = [keypoints.descriptors for keypoints in pictures if len(keypoints)]
        centres = learn_words(printed, words)
        rows = [vlad(descriptors, centres) for descriptors in printed]
        stacked = np.stack(rows) if rows else np.zeros((1, centres.size), np.float32)
        return cls(centres, learn_projection(stacked, dimensions))

    def to_bytes(self) -> bytes:
        """Return the arrays as an .npz file's bytes."""
        stream = io.BytesIO()
        np.savez(stream, words=self.words, mean=self.projection.mean, matrix=self.projection.matrix)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Aggregate:
        """Return what `to_bytes` stored."""
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return cls(arrays["words"], Whitening(arrays["mean"], arrays["matrix"]))


def vlad(descriptors: NDArray[np.uint8], words: Floats) -> Floats:
    """Return what the descriptors differ by from their nearest words, summed by word: (W * L,).

    Each word's sum has unit length, so that a pattern that repeats on a pack counts once, and so
    has the whole.

    Args:
        descriptors: (K, L) uint8, one or more.
        words: (W, L) float32.
    """
    values = descriptors.astype(np.float32)
    nearest = (values @ words.T - (words * words).sum(axis=1) / 2).argmax(axis=1)
    chosen = np.zeros((len(values), len(words)), np.float32)
    chosen[np.arange(len(values)), nearest] = 1
    sums = chosen.T @ values - chosen.sum(axis=0)[:, None] * words
    return unit_rows(unit_rows(sums).ravel())


def learn_words(descriptors: Sequence[NDArray[np.uint8]], words: int) -> Floats:
    """Return at most `words` centres (W, L) of local descriptors, from a fixed seed."""
    from sklearn.cluster import MiniBatchKMeans

    if not descriptors:
        return np.zeros((1, SIFT_LENGTH), np.float32)
    rng = np.random.default_rng(0)
    stacked = np.concatenate(descriptors)
    if len(stacked) > TAUGHT:
        stacked = stacked[rng.choice(len(stacked), TAUGHT, replace=False)]
    values = stacked.astype(np.float32)
    learner = MiniBatchKMeans(
        min(words, len(values)), batch_size=4096, n_init=1, max_iter=20, random_state=0
    )
    # Sums in an order of their own for each number of threads would teach each machine its own.
    with threadpool_limits(1):
        return np.asarray(learner.fit(values).cluster_centers_, np.float32)


def learn_projection(rows: Floats, dimensions: int) -> Whitening:
    """Return a projection to `dimensions` that keeps the cosines of rows (N, C) about their mean.

    Its axes are the principal ones. A catalogue may start with fewer pictures than there are
    dimensions, and grow: the axes that they leave free are drawn at random from what they do not
    span, so that cosines of pictures unlike any of them come out right on average (Johnson and
    Lindenstrauss, 1984).
    """
    mean = rows.mean(axis=0)
    centred = rows - mean
    values, vectors = np.linalg.eigh((centred @ centred.T).astype(np.float64))
    # Near copies of a picture add no axis.
    kept = np.flatnonzero(values > 1e-5 * max(values[-1], 1e-5))[::-1][:dimensions]
    principal = (vectors[:, kept] / np.sqrt(values[kept])).T.astype(np.float32) @ centred
    free = dimensions - len(kept)
    drawn = np.random.default_rng(0).standard_normal((free, rows.shape[1]), np.float32)
    drawn = (drawn - drawn @ principal.T @ principal) / np.float32(np.sqrt(max(free, 1)))
    return Whitening(mean, np.concatenate([principal, drawn]))
