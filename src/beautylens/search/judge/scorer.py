"""Scorers: what ranks at the end of a search, from the evidence that its steps have found."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from beautylens.features.local.features import Agreement
from beautylens.results import Match, Matches
from beautylens.search.judge.evidence import CHANCE

# What one nat of words read, and all of what was typed, add to a similarity.
READ, TYPED = 0.03, 1.0


class Scorer(Protocol):
    """Ranks matches by their evidence; nothing else in a search does."""

    def __call__(self, matches: Matches) -> Matches:
        """Return the best match of each product, best first, with a verdict if it gives one."""

    def rank(self, matches: Matches) -> Matches:
        """Return all matches, best first, by the evidence so far."""

    def decided(self, matches: Matches) -> bool:
        """Tell whether matches are so clear that no more evidence need be looked for."""


class PlainScorer:
    """Ranks by one formula, without probabilities or a verdict.

    Ranks of a refinement by names come before the formula, words read and typed add to it, and a
    barcode comes first.

    Args:
        formula: a match's score.
    """

    def __init__(self, formula: Callable[[Match], float]) -> None:
        self._formula = formula

    def __call__(self, matches: Matches) -> Matches:
        """Return the best match of each product, best first."""
        return self.rank(matches).products()

    def rank(self, matches: Matches) -> Matches:
        """Return all matches, best first."""
        scored = _refined_first(matches.rescored(self._formula))
        scored = scored.rescored(_with_words)
        if not any(match.reasons.barcode for match in scored):
            return scored
        lead = scored[0].score - scored[-1].score + 1
        return scored.rescored(lambda match: match.score + (lead if match.reasons.barcode else 0))

    def decided(self, _: Matches) -> bool:
        """Return False: without a probability nothing is known to be enough."""
        return False


def _refined_first(matches: Matches) -> Matches:
    """Return the matches with a rank of the refinement first, no score above the one before."""
    if all(match.refined is None for match in matches):
        return matches
    rows = sorted(matches, key=lambda match: math.inf if match.refined is None else match.refined)
    highest, limited = math.inf, []
    for row in rows:
        highest = min(highest, row.score)
        limited.append(replace(row, score=highest))
    return replace(matches, rows=tuple(limited))


def _with_words(match: Match) -> float:
    reasons = match.reasons
    return match.score + READ * (reasons.text or 0.0) + TYPED * (reasons.typed or 0.0)


def cosine(match: Match) -> float:
    """Return the similarity that retrieval and expansion gave the match."""
    return match.score


def inliers(match: Match) -> float:
    """Return the number of inliers plus 1/(2 + d), d their mean descriptor distance; 0 for none.

    The order of Tang et al.: the fraction is at most a half, so that the number decides and the
    smaller distance settles equal numbers. Scores that are equal even so keep the visual order.
    """
    return by_inliers(match.geometry.agreement) if match.geometry else 0.0


def by_inliers(agreement: Agreement) -> float:
    """Return the score that what two pictures have in common makes, as `inliers` has it."""
    return agreement.count + 1 / (2 + agreement.distance) if agreement.count else 0.0


def cosine_plus_inliers(match: Match, *, weight: float) -> float:
    """Return cosine + weight * ln(1 + inliers above what pictures of other items share by chance).

    Unlike in the source papers, agreement by chance counts for nothing and the deep descriptor
    keeps its say where keypoints are scarce.
    """
    return match.score + weight * math.log1p(max(0, (match.reasons.inliers or 0) - CHANCE))


# By the kind that a recipe names; `cosine_plus_inliers` has a weight of its own.
FORMULAS: dict[str, Callable[[Match], float]] = {"cosine": cosine, "inliers": inliers}
