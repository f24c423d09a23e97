"""The evidence for the matches of one query as a matrix of features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from beautylens.arrays import Float64
from beautylens.results import Match

# Inliers that pictures of different items reach by chance: docs/benchmarks.md.
CHANCE = 8
# Nats of shared words from which on further words add less and less.
SATURATION = 5.0
# CIEDE2000 that one unit of the feature `colour` stands for: a difference that nobody overlooks.
COLOUR_UNIT = 10.0

# Inliers by which two pictures share their design, and not only a logo.
SHARED = 20
# Share of products that share their design, of a catalogue of which it was not measured.
TYPICAL_SHARING = 1 / 3

# The columns of `features`; larger values speak for a match.
# - `visual`: cosine of the deep descriptors. That of VLAD adds nothing beside inliers, and its
#   scale differs between catalogues.
# - `inliers`: ln(1 + inliers above chance).
# - `text`: t nats of words shared with the product's text, as 5 ln(1 + t/5), so that a long name on
#   a poster in the background is no stronger than a short one.
# - `colour`: the least colour difference of the candidates minus this one, in units of
#   `COLOUR_UNIT`.
# - `contradiction`: minus the strength of the clearest contradiction by text, 0 to -1.
FEATURES = ("visual", "inliers", "text", "colour", "contradiction")


def features(matches: Sequence[Match]) -> Float64:
    """Return the evidence for the matches of one query, (N, F) float64, columns as in `FEATURES`.

    Missing evidence is 0, which speaks neither for nor against a match.
    """
    reasons = [match.reasons for match in matches]
    inliers = _column([why.inliers for why in reasons])
    columns = (
        _column([why.visual for why in reasons]),
        np.log1p(np.maximum(0, inliers - CHANCE)),
        SATURATION * np.log1p(_column([why.text for why in reasons]) / SATURATION),
        relative_colour(colours(matches)),
        -_column([why.contradiction for why in reasons]),
    )
    return np.stack(columns, axis=1)


def shared_design(inliers: int, sharing: float | None) -> float:
    """Return how much likelier keypoints that agree are those of a sister than in most catalogues.

    ln(sharing · 3), in full from 20 inliers on. P(keypoints agree | the product is missing) is in
    proportion to the share of products with a sister of the same design, so that this is what the
    log-odds of the product being there lose: much where all products have sisters, while where
    none has any it is a gain.

    Args:
        inliers: of the best product.
        sharing: share of the catalogue's products that share their design with another, above 0;
            None if it was not measured.
    """
    if sharing is None:
        return 0.0
    agreeing = np.log1p(max(0, inliers - CHANCE)) / np.log1p(SHARED - CHANCE)
    return float(min(1.0, agreeing) * np.log(sharing / TYPICAL_SHARING))


def _column(values: Sequence[float | None]) -> Float64:
    return np.array([0.0 if value is None else value for value in values], np.float64)


def colours(matches: Sequence[Match]) -> Float64:
    """Return the colour difference of each match, (N,) float64, NaN if unknown."""
    known = [match.reasons.colour for match in matches]
    return np.array([np.nan if colour is None else colour for colour in known], np.float64)


def relative_colour(colour: Float64) -> Float64:
    """Return the feature `colour` from differences (N,), NaN if unknown.

    Relative to the least difference, since light and camera shift all colours.
    """
    known = ~np.isnan(colour)
    least = colour[known].min() if known.any() else 0.0
    return np.asarray(np.where(known, (least - colour) / COLOUR_UNIT, 0.0), np.float64)
