"""Local features of one recipe: how keypoints are taken, matched and made to agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from beautylens.arrays import Float64, UInt8
from beautylens.features.local.extractors import Extractor
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import Matcher, pair_distances
from beautylens.features.local.nearest import Pairs
from beautylens.features.local.verification import Verification
from beautylens.threads import cores


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """What two pictures have in common.

    pairs (M, 2) index the query's and the gallery's keypoints; count is how much they weigh, the
    distinct places among them where they were verified; distance is the mean descriptor distance
    of the pairs, 0 where there are none; transform, (2, 3) or a homography (3, 3), maps pixels of
    the query's keypoints to those of the gallery's, and is all zeros where nothing agrees.
    """

    pairs: Pairs
    count: int
    distance: float
    transform: Float64


@dataclass(frozen=True, slots=True)
class LocalFeatures:
    """Takes keypoints from photos and compares them with those of catalogue pictures.

    Args:
        extractor: the one that the gallery was built with.
        longest: pixels to which a picture's longer side is shrunk.
        limit: keypoints taken from the photo.
        ratio: Lowe's ratio.
        mutual: whether matches are each other's nearest.
        verification: tells which matches agree.
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
        """Return what matches a photo's keypoints with those of catalogue pictures."""
        return Matcher(
            query, ratio=self.ratio, mutual=self.mutual, distance=self.extractor.distance
        )

    def agree(self, query: Keypoints, gallery: Keypoints, pairs: Pairs) -> Agreement:
        """Return what is left of the matches once they have been verified."""
        verified = self.verification(query, gallery, pairs)
        kept = verified.pairs
        mean = 0.0
        if len(kept):
            distances = pair_distances(query, gallery, kept, distance=self.extractor.distance)
            mean = float(distances.mean())
        return Agreement(kept, verified.count, mean, verified.transform)

    def compare(self, query: Keypoints, gallery: Keypoints) -> Agreement:
        """Return what two pictures have in common."""
        return self.agree(query, gallery, self.matcher(query)(gallery))

    def compare_all(self, query: Keypoints, galleries: Sequence[Keypoints]) -> list[Agreement]:
        """Return what a photo has in common with each of many pictures, on all cores."""
        match = self.matcher(query)
        batches = list(match.batches(galleries))

        def compared(batch: list[int]) -> list[Agreement]:
            pictures = [galleries[place] for place in batch]
            found = zip(pictures, match.together(pictures), strict=True)
            return [self.agree(query, picture, pairs) for picture, pairs in found]

        agreements = chain.from_iterable(cores().map(compared, batches))
        by_place = dict(zip(chain.from_iterable(batches), agreements, strict=True))
        return [by_place[place] for place in range(len(galleries))]
