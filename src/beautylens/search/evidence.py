"""The evidence for each match of one query as numbers that a fusion can weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beautylens.records import Match

Floats = NDArray[np.float64]

CHANCE = 8
"""Inliers that pictures of different items reach by chance: docs/benchmarks.md."""
COLOUR_UNIT = 10.0
"""A difference, CIEDE2000, that nobody overlooks."""

FEATURES = ("visual", "local", "print", "inliers", "text", "colour")
"""What is weighed, in this order; more of each speaks for a match.

- `visual`, `local`: cosines of the deep and of the aggregated local descriptors;
- `print`: ln(1 + inliers above chance), what agreement of print proves;
- `inliers`: ln(1 + inliers), which also tells a little below chance;
- `text`: the rarity of the words that the product's text explains, in nats, which are logarithms
  of odds already;
- `colour`: minus how much more the colour differs than that of the closest match, in units of
  `COLOUR_UNIT`.
"""


def features(matches: Sequence[Match]) -> Floats:
    """Return the evidence for the matches of one query, (N, F) float64, columns as in `FEATURES`.

    Evidence that is absent is 0: by itself it speaks neither for a match nor against it.
    """
    reasons = [match.reasons for match in matches]
    inliers = _column([why.inliers for why in reasons])
    columns = (
        _column([why.visual for why in reasons]),
        _column([why.local for why in reasons]),
        np.log1p(np.maximum(0, inliers - CHANCE)),
        np.log1p(inliers),
        _column([why.text for why in reasons]),
        relative_colour(colours(matches)),
    )
    return np.stack(columns, axis=1)


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([0.0 if value is None else value for value in values], np.float64)


def colours(matches: Sequence[Match]) -> Floats:
    """Return the colour difference of each match, (N,) float64, NaN where it is not known."""
    known = [match.reasons.colour for match in matches]
    return np.array([np.nan if colour is None else colour for colour in known], np.float64)


def relative_colour(colour: Floats) -> Floats:
    """Return the feature `colour` from differences (N,) that are NaN where they are not known.

    Only what one candidate differs more than another tells shades apart: light and camera move all.
    """
    known = ~np.isnan(colour)
    least = colour[known].min() if known.any() else 0.0
    return np.asarray(np.where(known, (least - colour) / COLOUR_UNIT, 0.0), np.float64)
