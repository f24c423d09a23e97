"""The evidence for each match of one query as numbers that a fusion can weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from beautylens.records import Match, Reasons

Floats = NDArray[np.float64]

CHANCE = 8
"""Inliers that pictures of different items reach by chance: docs/benchmarks.md."""

FEATURES = ("visual", "local", "print", "inliers", "text", "colour")
"""What is weighed, in this order; more of each speaks for a match.

- `visual`, `local`: cosines of the deep and of the aggregated local descriptors;
- `print`: ln(1 + inliers above chance), what agreement of print proves;
- `inliers`: ln(1 + inliers), which also tells a little below chance;
- `text`: t / (1 + t) of the words explained, so that one long name is not everything;
- `colour`: minus how much more the colour differs than that of the closest match, in units of 10.
"""


def features(matches: Sequence[Match]) -> Floats:
    """Return the evidence for the matches of one query, (N, F) float64, columns as in `FEATURES`.

    Evidence that is absent is 0: by itself it speaks neither for a match nor against it.
    """
    reasons = [match.reasons for match in matches]
    inliers = _column([why.inliers for why in reasons])
    text = _column([why.text for why in reasons])
    columns = (
        _column([why.visual for why in reasons]),
        _column([why.local for why in reasons]),
        np.log1p(np.maximum(0, inliers - CHANCE)),
        np.log1p(inliers),
        text / (1 + text),
        _relative_colour(reasons),
    )
    return np.stack(columns, axis=1)


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([0.0 if value is None else value for value in values], np.float64)


def _relative_colour(reasons: Sequence[Reasons]) -> Floats:
    """Return minus the colour difference above the least one, 0 where there is none.

    Only the difference between candidates tells a shade: light and camera move all of them.
    """
    known = [why.colour for why in reasons if why.colour is not None]
    least = min(known, default=0.0)
    return np.array(
        [0.0 if why.colour is None else (least - why.colour) / 10 for why in reasons], np.float64
    )
