"""Local features of one recipe: extraction, matching and geometric verification of keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from beautylens.arrays import Float64, UInt8
from beautylens.features.local.extractors import Extractor
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import Matcher, pair_distances
from beautylens.features.local.nearest import Pairs
from beautylens.features.local.verification import Verification
from beautylens.runtime.threads import cores

# Rounds of a comparison: keypoints of the photo and of a picture, the strongest, that show whether
# more than chance agrees; and how many of the first pictures are compared by all in any case.
ROUNDS = ((300, 150, 16), (500, 300, 0))
# Inliers of two pictures that share their design, and not only a logo.
CLEAR = 20


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Verified keypoint matches of two pictures.

    pairs (M, 2) index the query's and the gallery's keypoints. count is the number of inliers: of
    verified pairs, those at distinct positions. distance is the mean descriptor distance of the
    pairs, 0 without any. transform, (2, 3) or a homography (3, 3), maps pixels of the query to
    those of the gallery picture, and is all zeros without inliers.
    """

    pairs: Pairs
    count: int
    distance: float
    transform: Float64


NO_AGREEMENT = Agreement(np.empty((0, 2), np.intp), 0, 0.0, np.zeros((2, 3)))


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """Extracts the keypoints of photos and matches them with those of catalogue pictures.

    Args:
        extractor: the one that the gallery was built with.
        longest: pixels to which a picture's longer side is shrunk.
        limit: keypoints kept of the photo.
        ratio: Lowe's ratio.
        mutual: whether matches must be mutual nearest neighbours.
        verification: selects the matches that one transform explains.
    """

    extractor: Extractor
    longest: int
    limit: int
    ratio: float
    mutual: bool
    verification: Verification

    def extract(self, photo: UInt8) -> Keypoints:
        """Return the keypoints of a photo, (H, W, 3) uint8 RGB."""
        return self.extractor(photo, longest=self.longest, limit=self.limit)

    def matcher(self, query: Keypoints) -> Matcher:
        """Return the matcher of a photo's keypoints."""
        return Matcher(
            query, ratio=self.ratio, mutual=self.mutual, distance=self.extractor.distance
        )

    def agree(self, query: Keypoints, gallery: Keypoints, pairs: Pairs) -> Agreement:
        """Return the matches that pass geometric verification."""
        verified = self.verification(query, gallery, pairs)
        kept = verified.pairs
        mean = 0.0
        if len(kept):
            distances = pair_distances(query, gallery, kept, distance=self.extractor.distance)
            mean = float(distances.mean())
        return Agreement(kept, verified.count, mean, verified.transform)

    def compare(self, query: Keypoints, gallery: Keypoints) -> Agreement:
        """Return the verified matches of two pictures."""
        return self.agree(query, gallery, self.matcher(query)(gallery))

    def compare_all(self, query: Keypoints, galleries: Sequence[Keypoints]) -> list[Agreement]:
        """Return the verified matches of a photo with each of many pictures, on all cores."""
        match = self.matcher(query)
        batches = list(match.batches(galleries))

        def compared(batch: list[int]) -> list[Agreement]:
            pictures = [galleries[index] for index in batch]
            found = zip(pictures, match.together(pictures), strict=True)
            return [self.agree(query, picture, pairs) for picture, pairs in found]

        agreements = chain.from_iterable(cores().map(compared, batches))
        by_index = dict(zip(chain.from_iterable(batches), agreements, strict=True))
        return [by_index[index] for index in range(len(galleries))]

    def compare_likely(self, query: Keypoints, galleries: Sequence[Keypoints]) -> list[Agreement]:
        """Return the verified matches of a photo with each picture, in half the time or less.

        All pictures are compared by few keypoints, and by all of them only the first ones and those
        where some of the few agreed. If then none agrees clearly, the others are compared by more
        keypoints in the same way. Pictures of which even these agree by chance alone have no
        inliers: by all keypoints they would have about as many as pictures of different items.
        """
        agreements = [NO_AGREEMENT] * len(galleries)
        left = list(range(len(galleries)))
        for of_photo, of_picture, first in ROUNDS:
            strongest = [galleries[index].strongest(of_picture) for index in left]
            few = self.compare_all(query.strongest(of_photo), strongest)
            likely = [
                index
                for index, found in zip(left, few, strict=True)
                if found.count or index < first
            ]
            exact = self.compare_all(query, [galleries[index] for index in likely])
            for index, found in zip(likely, exact, strict=True):
                agreements[index] = found
            if any(found.count >= CLEAR for found in agreements):
                break
            left = [index for index in left if index not in set(likely)]
        return agreements
