"""Text of the photo against that of catalogue pictures, at the same position."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from beautylens.features.colour.alignment import homogeneous
from beautylens.query import Query
from beautylens.reasons import Difference
from beautylens.results import Match, Matches
from beautylens.search.compared_lines import agreement, compared_lines, differences
from beautylens.search.judge.evidence import CHANCE
from beautylens.search.judge.scorer import Scorer
from beautylens.store.gallery import Gallery
from beautylens.text.recognition import LineRecogniser, shared_recogniser

# Contradictions of less strength are not shown.
_SHOWN = 0.3


class CompareText:
    """Adds how far the text of photo and catalogue picture agrees, and what contradicts.

    The verified transform gives the position on the photo of every line of the catalogue picture.
    There, the recognition network tells how much more probable another text is. Sister products
    share the design, and with it most keypoints, but not the word that names them.

    The first by all evidence so far is compared, then the next, until the scorer has decided.

    Args:
        gallery: holds the lines that were read on catalogue pictures.
        longest: longer side in pixels of the photo on which keypoints were extracted.
        most: products compared at most.
        scorer: ranks by the evidence so far, and decides whether it is enough.
        recogniser: returns what recognises lines.
    """

    def __init__(
        self,
        gallery: Gallery,
        longest: int,
        most: int,
        scorer: Scorer,
        recogniser: Callable[[], LineRecogniser] = shared_recogniser,
    ) -> None:
        self._gallery, self._longest, self._most = gallery, longest, most
        self._scorer, self._recogniser = scorer, recogniser

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches in their order, with what contradicts the compared products."""
        compared: set[str] = set()
        for _ in range(self._most):
            ranked = self._scorer.rank(matches)
            left = [m for m in ranked if _is_verified(m) and _product(m) not in compared]
            # Once the first is compared, and still far ahead, the others do not matter.
            if not left or (ranked[0] is not left[0] and self._scorer.decided(matches)):
                break
            product = _product(left[0])
            pictures = [match for match in left if _product(match) == product]
            matches = self._compared(query, matches, pictures)
            compared.add(product)
        return matches

    def _compared(self, query: Query, matches: Matches, pictures: Sequence[Match]) -> Matches:
        """Compare the picture of a product with the most inliers; what it shows holds for all."""
        best = max(pictures, key=lambda match: match.reasons.inliers or 0)
        transform = homogeneous(best.geometry.agreement.transform) if best.geometry else None
        if transform is None:
            return matches
        scale = max(1.0, max(query.pixels.shape[:2]) / self._longest)
        onto_photo = np.diag([scale, scale, 1.0]) @ np.linalg.inv(transform)
        lines = self._gallery.picture_text.read([best.image_id]).get(best.image_id, ())
        compared = compared_lines(query, lines, onto_photo, self._recogniser)
        if not compared:
            return matches
        against = differences(query, best.product, lines, compared)
        return _with_evidence(matches, _product(best), agreement(compared), against)


def _product(match: Match) -> str:
    return match.product.product_id


def _is_verified(match: Match) -> bool:
    return (match.reasons.inliers or 0) > CHANCE and match.geometry is not None


def _with_evidence(
    matches: Matches, product_id: str, agrees: float, against: tuple[Difference, ...]
) -> Matches:
    strongest = max((one.strength for one in against), default=0.0)
    shown = tuple(one for one in against if one.strength >= _SHOWN)

    def compared(match: Match) -> Match:
        known = match.reasons
        reasons = replace(
            known,
            text_agreement=agrees,
            contradiction=max(strongest, known.contradiction or 0.0),
            against=(*known.against, *shown),
        )
        return replace(match, reasons=reasons)

    rows = (compared(match) if _product(match) == product_id else match for match in matches)
    return replace(matches, rows=tuple(rows))
