"""Keypoint matching of two pictures and its geometric verification by one transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from beautylens.arrays import Bool, Complex128, Float32, Float64, UInt8
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.nearest import Nearest, Pairs

MIN_INLIERS = 4
# Least ratio of the variance across the principal axis to all of it: below, points are collinear.
_COLLINEAR = 1e-12
# Products, four bytes each, computed in one batch.
_PRODUCTS = 1 << 20


class Distance(NamedTuple):
    """A distance of descriptors, computed as the squared L2 distance of vectors made from them."""

    # Maps (K, D) bytes to vectors (K, E) of whole numbers, E at most 256.
    vectors: Callable[[UInt8], UInt8]
    # The power of the distance that equals squared L2: ratios of distances are raised to it.
    power: int


def _bits(descriptors: UInt8) -> UInt8:
    return np.unpackbits(descriptors, axis=1)


def _values(descriptors: UInt8) -> UInt8:
    return descriptors


DISTANCES: Mapping[str, Distance] = {
    "l2": Distance(_values, 2),
    # The squared difference of unequal bits is 1: the sum is the Hamming distance.
    "hamming": Distance(_bits, 1),
}


@dataclass(frozen=True, slots=True)
class Plausible:
    """Bounds of a plausible transform between a photo of a pack and its studio picture.

    Args:
        smallest: least scale, size in the gallery picture over size in the query.
        largest: greatest scale.
        stretch: greatest ratio of the two singular values of the refined affine map.
        tolerance: inlier threshold in pixels under a similarity.
        affine_tolerance: inlier threshold in pixels under the refined affine map.
    """

    smallest: float = 0.15
    largest: float = 6.0
    stretch: float = 3.0
    tolerance: float = 24.0
    affine_tolerance: float = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """Keypoint matches of two pictures that are inliers of one transform.

    pairs (M, 2) index the query's and the gallery's keypoints; transform, (2, 3) or a homography
    (3, 3), maps query pixels to gallery pixels; count is the number of inliers at distinct
    positions.
    """

    pairs: Pairs
    transform: Float64
    count: int


NO_MATCHES = Verified(np.empty((0, 2), np.intp), np.zeros((2, 3)), 0)


class Matcher:
    """Exact nearest-neighbour matcher with Lowe's ratio test for the keypoints of one photo.

    Search is exact, so that the same pictures always give the same pairs. Of equally near
    descriptors the first, which is the strongest keypoint, counts as the nearest.

    Args:
        query: keypoints of the photo.
        ratio: largest distance to the nearest over that to the second; 1 lets all pass.
        mutual: keep mutual nearest neighbours only.
        distance: a name in `DISTANCES`.
    """

    def __init__(
        self,
        query: Keypoints,
        *,
        ratio: float = 0.85,
        mutual: bool = True,
        distance: str = "l2",
    ) -> None:
        self._vectors, power = DISTANCES[distance]
        self._size = len(query)
        self._nearest = Nearest(
            self._vectors(query.descriptors), ratio=math.prod((ratio,) * power), mutual=mutual
        )

    def __call__(self, gallery: Keypoints) -> Pairs:
        """Return matched pairs (M, 2), indices into query and gallery, in the query's order.

        Args:
            gallery: keypoints of a catalogue picture; fewer than two have no match.
        """
        return self.together([gallery])[0]

    def together(self, galleries: Sequence[Keypoints]) -> list[Pairs]:
        """Return the matched pairs of each of a few pictures, computed in one matrix product."""
        pairs = [np.empty((0, 2), np.intp)] * len(galleries)
        usable = [index for index, gallery in enumerate(galleries) if len(gallery) > 1]
        if usable:
            vectors = [self._vectors(galleries[index].descriptors) for index in usable]
            for index, each in zip(usable, self._nearest(vectors), strict=True):
                pairs[index] = each
        return pairs

    def batches(self, galleries: Sequence[Keypoints]) -> Iterator[list[int]]:
        """Yield indices of pictures to match in one product: of like size, fitting the cache."""
        order = sorted(range(len(galleries)), key=lambda index: len(galleries[index]))
        while order:
            longest = len(galleries[order[-1]])
            most = max(1, _PRODUCTS // max(1, self._size * longest))
            yield order[-most:]
            del order[-most:]


def pair_distances(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, *, distance: str = "l2"
) -> Float64:
    """Return the descriptor distance of each pair, (M,): in quantisation steps, or in bits."""
    vectors, power = DISTANCES[distance]
    left, right = query.descriptors[pairs[:, 0]], gallery.descriptors[pairs[:, 1]]
    differences = np.subtract(vectors(left), vectors(right), dtype=np.float64)
    squares = np.square(differences).sum(axis=1)
    return np.asarray(squares ** (1 / power), np.float64)


def verify(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, plausible: Plausible | None = None
) -> Verified:
    """Return the inliers of the best plausible transform.

    Each pair alone gives a similarity by its positions, sizes and angles (Philbin et al., 2007):
    all hypotheses are tried and nothing is random. The best is refitted to its inliers and refined
    to an affine map, which models the tilt of the pack.
    """
    limits = plausible or Plausible()
    if len(pairs) < MIN_INLIERS:
        return NO_MATCHES
    source, target = as_complex(query.points[pairs[:, 0]]), as_complex(gallery.points[pairs[:, 1]])
    turns = gallery.angles[pairs[:, 1]] - query.angles[pairs[:, 0]]
    scales = gallery.sizes[pairs[:, 1]] / query.sizes[pairs[:, 0]]
    inliers = _best_similarity(source, target, scales * np.exp(1j * turns), limits)
    if inliers.sum() < MIN_INLIERS:
        return NO_MATCHES
    transform, inliers = _refine(source, target, inliers, limits)
    count = count_distinct(source[inliers], target[inliers])
    if count < MIN_INLIERS or not is_plausible(transform, limits):
        return NO_MATCHES
    return Verified(pairs[inliers], transform, count)


def _best_similarity(
    source: Complex128, target: Complex128, factors: Complex128, limits: Plausible
) -> Bool:
    """Return the inliers (M,) of the best hypothesis target = factor * source + shift."""
    sizes = np.abs(factors)
    hypotheses = np.flatnonzero((sizes >= limits.smallest) & (sizes <= limits.largest))
    if len(hypotheses) == 0:
        return np.zeros(len(source), bool)
    factors = factors[hypotheses]
    shifts = target[hypotheses] - factors * source[hypotheses]
    residuals = np.abs(factors[:, None] * source + shifts[:, None] - target)
    inliers = residuals < limits.tolerance
    # Of equally many inliers the smaller residuals decide, never the order of the keypoints.
    total = np.minimum(residuals, limits.tolerance).sum(axis=1)
    rank = inliers.sum(axis=1) - total / (2 * limits.tolerance * len(source))
    return np.asarray(inliers[rank.argmax()])


def _refine(
    source: Complex128, target: Complex128, inliers: Bool, limits: Plausible
) -> tuple[Float64, Bool]:
    """Refit to the inliers three times: a similarity, and an affine map from six inliers on."""
    for _ in range(3):
        affine = bool(np.count_nonzero(inliers) >= 6)
        fitted = _fit(source[inliers], target[inliers], affine=affine)
        residuals = np.abs(fitted(source) - target)
        inliers = residuals < (limits.affine_tolerance if affine else limits.tolerance)
        if np.count_nonzero(inliers) < MIN_INLIERS:
            break
    return fitted.matrix, inliers


class _Affine(NamedTuple):
    """The affine map z -> turn z + mirror z* + shift; a similarity where mirror is 0."""

    turn: complex
    mirror: complex
    shift: complex

    def __call__(self, points: Complex128) -> Complex128:
        return np.asarray(self.turn * points + self.mirror * points.conj() + self.shift)

    @property
    def matrix(self) -> Float64:
        """The map as a matrix (2, 3)."""
        x, y = self.turn + self.mirror, 1j * (self.turn - self.mirror)
        return np.array([[x.real, y.real, self.shift.real], [x.imag, y.imag, self.shift.imag]])


def _fit(source: Complex128, target: Complex128, *, affine: bool) -> _Affine:
    """Return the least-squares affine map, or similarity."""
    middle, goal = (complex(points.sum()) / len(points) for points in (source, target))
    left, right = source - middle, target - goal
    spread = float(np.vdot(left, left).real)
    along = complex(np.vdot(left, right))
    if spread == 0:
        return _Affine(0j, 0j, goal)
    if not affine:
        turn, mirror = along / spread, 0j
    else:
        # turn * spread + mirror * skew* = along, and turn * skew + mirror * spread = against.
        skew = complex(np.dot(left, left))
        against = complex(np.dot(left, right))
        breadth = spread - abs(skew) ** 2 / spread
        if breadth > _COLLINEAR * spread:
            turn = (along - skew.conjugate() * against / spread) / breadth
            mirror = (against - skew * along / spread) / breadth
        else:
            # Collinear points determine the sum only: of all solutions the one of least norm.
            turn, mirror = along / (2 * spread), against / (2 * spread)
    return _Affine(turn, mirror, goal - turn * middle - mirror * middle.conjugate())


def is_plausible(transform: Float64, limits: Plausible) -> bool:
    """Return whether an affine map (2, 3) keeps handedness, scale and stretch within the limits."""
    (a, b), (c, d) = transform[:, :2].tolist()
    turn, mirror = abs(complex(a + d, c - b)) / 2, abs(complex(a - d, c + b)) / 2
    # The singular values; the lesser one is negative if the map mirrors.
    longest, shortest = turn + mirror, turn - mirror
    return (
        shortest > 0
        and shortest >= limits.smallest
        and longest <= min(limits.largest, limits.stretch * shortest)
    )


def count_distinct(source: Complex128, target: Complex128) -> int:
    """Return the number of distinct positions: SIFT may have several keypoints at one."""
    return min(len(set((points / 3).round().tolist())) for points in (source, target))


def as_complex(points: Float32) -> Complex128:
    """Return points (K, 2) as complex numbers x + iy."""
    return points[:, 0].astype(np.float64) + 1j * points[:, 1]
