"""Matching keypoints of two pictures: exact, one to one, under one plausible transform."""

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
# Share of the spread that lies across a line below which to divide by it would magnify rounding.
_LINE = 1e-12
# Products of four bytes each that are worked on at a time.
_PRODUCTS = 1 << 20


class Distance(NamedTuple):
    """How descriptors are compared: by the squared L2 distance of vectors made from them."""

    # (K, D) bytes to the whole numbers of (K, E), E at most 256.
    vectors: Callable[[UInt8], UInt8]
    # The power of the distance that is squared L2: ratios of distances are raised to it.
    power: int


def _bits(descriptors: UInt8) -> UInt8:
    return np.unpackbits(descriptors, axis=1)


def _values(descriptors: UInt8) -> UInt8:
    return descriptors


DISTANCES: Mapping[str, Distance] = {
    "l2": Distance(_values, 2),
    # Where bits differ, the square of the difference is 1: their sum is the Hamming distance.
    "hamming": Distance(_bits, 1),
}


@dataclass(frozen=True, slots=True)
class Plausible:
    """What a photo of a pack can do to its studio picture; anything else is chance.

    Args:
        smallest: least size of the gallery item over its size in the query.
        largest: greatest such size.
        stretch: greatest ratio of the two axes of the refined affine map.
        tolerance: pixels by which a keypoint may miss its place under a similarity.
        affine_tolerance: the same under the refined affine map.
    """

    smallest: float = 0.15
    largest: float = 6.0
    stretch: float = 3.0
    tolerance: float = 24.0
    affine_tolerance: float = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """Matches of two pictures that one transform explains.

    pairs (M, 2) index the query's and the gallery's keypoints; transform, (2, 3) or a homography
    (3, 3), maps query pixels to gallery pixels; count is the number of distinct places among the
    pairs.
    """

    pairs: Pairs
    transform: Float64
    count: int


NOTHING = Verified(np.empty((0, 2), np.intp), np.zeros((2, 3)), 0)


class Matcher:
    """Finds pairs of nearest descriptors that pass Lowe's ratio test, for one photo.

    The nearest two are exact, so that the same pictures always give the same pairs. Of equally
    near ones the first, which is the strongest, counts as the nearest.

    Args:
        query: keypoints of the photo.
        ratio: the nearest may be at most so many times as far as the second; 1 lets all pass.
        mutual: keep a pair only if the query's keypoint is in turn the nearest of the gallery's.
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
        """Return (M, 2) indices into query and gallery, in the query's order.

        Args:
            gallery: keypoints of a catalogue picture; fewer than two match nothing.
        """
        return self.together([gallery])[0]

    def together(self, galleries: Sequence[Keypoints]) -> list[Pairs]:
        """Return the pairs of each of a few pictures, found in one product."""
        pairs = [np.empty((0, 2), np.intp)] * len(galleries)
        places = [place for place, gallery in enumerate(galleries) if len(gallery) > 1]
        if places:
            vectors = [self._vectors(galleries[place].descriptors) for place in places]
            for place, each in zip(places, self._nearest(vectors), strict=True):
                pairs[place] = each
        return pairs

    def batches(self, galleries: Sequence[Keypoints]) -> Iterator[list[int]]:
        """Yield which pictures to match together: of like size, their products in the cache."""
        order = sorted(range(len(galleries)), key=lambda place: len(galleries[place]))
        while order:
            longest = len(galleries[order[-1]])
            most = max(1, _PRODUCTS // max(1, self._size * longest))
            yield order[-most:]
            del order[-most:]


def pair_distances(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, *, distance: str = "l2"
) -> Float64:
    """Return the descriptor distance of each pair, (M,): in steps of a descriptor, or in bits."""
    vectors, power = DISTANCES[distance]
    left, right = query.descriptors[pairs[:, 0]], gallery.descriptors[pairs[:, 1]]
    apart = np.subtract(vectors(left), vectors(right), dtype=np.float64)
    squares = np.square(apart).sum(axis=1)
    return np.asarray(squares ** (1 / power), np.float64)


def verify(
    query: Keypoints, gallery: Keypoints, pairs: Pairs, plausible: Plausible | None = None
) -> Verified:
    """Return the pairs that one plausible transform explains.

    Every pair alone proposes a similarity from its two positions, sizes and angles (Philbin et
    al., 2007), so that all proposals are tried and nothing is random. The best is refitted to its
    supporters and refined to an affine map, which takes up the tilt of the pack.
    """
    limits = plausible or Plausible()
    if len(pairs) < MIN_INLIERS:
        return NOTHING
    source, target = as_complex(query.points[pairs[:, 0]]), as_complex(gallery.points[pairs[:, 1]])
    turns = gallery.angles[pairs[:, 1]] - query.angles[pairs[:, 0]]
    scales = gallery.sizes[pairs[:, 1]] / query.sizes[pairs[:, 0]]
    supporters = _best_similarity(source, target, scales * np.exp(1j * turns), limits)
    if supporters.sum() < MIN_INLIERS:
        return NOTHING
    transform, supporters = _refine(source, target, supporters, limits)
    count = distinct_places(source[supporters], target[supporters])
    if count < MIN_INLIERS or not is_plausible(transform, limits):
        return NOTHING
    return Verified(pairs[supporters], transform, count)


def _best_similarity(
    source: Complex128, target: Complex128, factors: Complex128, limits: Plausible
) -> Bool:
    """Return the supporters (M,) of the best proposal target = factor * source + shift."""
    sizes = np.abs(factors)
    proposals = np.flatnonzero((sizes >= limits.smallest) & (sizes <= limits.largest))
    if len(proposals) == 0:
        return np.zeros(len(source), bool)
    factors = factors[proposals]
    shifts = target[proposals] - factors * source[proposals]
    misses = np.abs(factors[:, None] * source + shifts[:, None] - target)
    support = misses < limits.tolerance
    # Equal support is settled by the smaller misses, never by the order of the keypoints.
    missed = np.minimum(misses, limits.tolerance).sum(axis=1)
    rank = support.sum(axis=1) - missed / (2 * limits.tolerance * len(source))
    return np.asarray(support[rank.argmax()])


def _refine(
    source: Complex128, target: Complex128, supporters: Bool, limits: Plausible
) -> tuple[Float64, Bool]:
    """Refit to the supporters three times, as an affine map once six of them pin it down."""
    for _ in range(3):
        affine = bool(np.count_nonzero(supporters) >= 6)
        fitted = _fit(source[supporters], target[supporters], affine=affine)
        miss = np.abs(fitted(source) - target)
        supporters = miss < (limits.affine_tolerance if affine else limits.tolerance)
        if np.count_nonzero(supporters) < MIN_INLIERS:
            break
    return fitted.matrix, supporters


class _Affine(NamedTuple):
    """An affine map of the plane, z to turn z + mirror z* + shift; a similarity without mirror."""

    turn: complex
    mirror: complex
    shift: complex

    def __call__(self, points: Complex128) -> Complex128:
        return np.asarray(self.turn * points + self.mirror * points.conj() + self.shift)

    @property
    def matrix(self) -> Float64:
        """The same as (2, 3)."""
        x, y = self.turn + self.mirror, 1j * (self.turn - self.mirror)
        return np.array([[x.real, y.real, self.shift.real], [x.imag, y.imag, self.shift.imag]])


def _fit(source: Complex128, target: Complex128, *, affine: bool) -> _Affine:
    """Return the affine map, or the similarity, of least squares."""
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
        if breadth > _LINE * spread:
            turn = (along - skew.conjugate() * against / spread) / breadth
            mirror = (against - skew * along / spread) / breadth
        else:
            # On a line both say the same: of all solutions the one of least norm.
            turn, mirror = along / (2 * spread), against / (2 * spread)
    return _Affine(turn, mirror, goal - turn * middle - mirror * middle.conjugate())


def is_plausible(transform: Float64, limits: Plausible) -> bool:
    """Tell whether an affine map (2, 3) keeps handedness, size and shape within the limits."""
    (a, b), (c, d) = transform[:, :2].tolist()
    turn, mirror = abs(complex(a + d, c - b)) / 2, abs(complex(a - d, c + b)) / 2
    # Its singular values; the lesser one is negative where it mirrors.
    longest, shortest = turn + mirror, turn - mirror
    return (
        shortest > 0
        and shortest >= limits.smallest
        and longest <= min(limits.largest, limits.stretch * shortest)
    )


def distinct_places(source: Complex128, target: Complex128) -> int:
    """Count places, not keypoints: SIFT sets several keypoints of different angle on one spot."""
    return min(len(set((points / 3).round().tolist())) for points in (source, target))


def as_complex(points: Float32) -> Complex128:
    """Return points (K, 2) as x + iy."""
    return points[:, 0].astype(np.float64) + 1j * points[:, 1]
