"""Scorers: what ranks at the end of a search, by the evidence of its steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from beautylens.results import Match, Matches
from beautylens.search.judge.evidence import CHANCE

# What one nat of words read, and all of the words typed, add to a score.
READ, TYPED = 0.03, 1.0


class Scorer(Protocol):
    """Ranks matches by their evidence; no step of a search does."""

    def __call__(self, matches: Matches) -> Matches:
        """Return the best match of each product, best first, with a verdict if it gives one."""

    def rank(self, matches: Matches) -> Matches:
        """Return all matches, best first, by the evidence so far."""

    def decided(self, matches: Matches) -> bool:
        """Return whether the evidence so far is so clear that no more is needed."""


class PlainScorer:
    """Ranks by one formula, without probabilities or a verdict.

    Products that expansion by name ranked come first, words read and typed add to the score, and a
    barcode outranks everything.

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
        """Return False: without a probability no evidence is known to be enough."""
        return False


def _refined_first(matches: Matches) -> Matches:
    """Return the matches that expansion by name ranked first; no score exceeds the one before."""
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
    """Return the similarity from retrieval and expansion."""
    return match.score


def inliers(match: Match) -> float:
    """Return the number of inliers plus 1/(2 + d), d their mean descriptor distance; 0 for none.

    The order of Tang et al.: the fraction is at most a half, so that the distance decides only
    between equal numbers. Equal scores keep the order of retrieval.
    """
    agreement = match.geometry.agreement if match.geometry else None
    return agreement.count + 1 / (2 + agreement.distance) if agreement and agreement.count else 0.0


def cosine_plus_inliers(match: Match, *, weight: float) -> float:
    """Return cosine + weight * ln(1 + inliers above chance).

    Unlike in the source papers, inliers by chance do not count, and the cosine still decides where
    keypoints are scarce.
    """
    return match.score + weight * math.log1p(max(0, (match.reasons.inliers or 0) - CHANCE))


# By the kind in a recipe; `cosine_plus_inliers` has a setting.
FORMULAS: dict[str, Callable[[Match], float]] = {"cosine": cosine, "inliers": inliers}
