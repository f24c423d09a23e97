"""The evidence for each match of one query as numbers that a fusion can weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beautylens.results import Match

Floats = NDArray[np.float64]

CHANCE = 8
"""Inliers that pictures of different items reach by chance: docs/benchmarks.md."""
MANY_NATS = 5.0
"""Shared words from which on more of them prove ever less."""
COLOUR_UNIT = 10.0
"""A difference, CIEDE2000, that nobody overlooks."""

FEATURES = ("visual", "print", "text", "colour")
"""What is weighed, in this order; more of each speaks for a match.

- `visual`: cosine of the deep descriptors. That of the aggregated local ones brings candidates in,
  but means another thing in each catalogue, and adds nothing where inliers are counted;
- `print`: ln(1 + inliers above chance), what agreement of print proves;
- `text`: the rarity t of the words that the product's text explains, in nats, as 5 ln(1 + t/5): a
  long name on a poster in the background is no more proof than a short one;
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
        np.log1p(np.maximum(0, inliers - CHANCE)),
        MANY_NATS * np.log1p(_column([why.text for why in reasons]) / MANY_NATS),
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
