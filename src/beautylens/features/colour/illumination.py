"""The light of a photo, estimated against a studio picture of the same item, and taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Float64

# Linear light added before logarithms, as a lens's flare does: below it lies only noise.
_BLACK = 0.01
# Standard deviations of exposure, warmth, tint, contrast and two slopes, in ln of linear light:
# somewhat more than those of `images.simulate`, for a phone can do worse.
_SPREADS = np.array([0.25, 0.10, 0.05, 0.12, 0.2, 0.2])
# Such deviations that no light goes beyond, however many cells of one colour ask for it.
_MOST = 4.0
# Standard deviation of ln light of one cell, from glare, wear and misplacement.
_NOISE = 0.10
# Independent cells that all cells together count for at most: neighbours err together.
_CELLS = 60.0
_ROUNDS = 6
_BRIGHTEST = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Relit:
    """The colours of a photo in the light of a studio picture: (N, 3) linear light."""

    colours: Float64
    # ln exposure, warmth, tint and contrast; two slopes, from the middle to the border.
    parameters: Float64


def relight(photo: Float64, studio: Float64, places: Float64, weights: Float64) -> Relit:
    """Return the colours of a photo as the studio's light would have shown them.

    Lights and cameras change colours by few ways: a gain, its share from blue to red and from
    magenta to green, a contrast, and brightness that falls across the photo. They are fitted to all
    cells at once in ln light, robustly (Geman-McClure) and held by a prior, so that a shade that
    differs in few places stands out, and that one which differs in all cannot pass for a lamp.

    Args:
        photo: (N, 3) linear light of cells of the photo.
        studio: (N, 3) that of the same places of the studio picture.
        places: (N, 2) in the picture, -1 to 1.
        weights: (N,) how much each cell counts.
    """
    seen, known = np.log(photo + _BLACK), np.log(studio + _BLACK)
    ways = _ways(known, places)
    offsets = seen - known
    variance = _NOISE**2 + 0.3 * (_BLACK / (studio + _BLACK)) ** 2
    robust = np.ones(len(photo))
    found = np.zeros(len(_SPREADS))
    for _ in range(_ROUNDS):
        counted = weights * robust
        counted *= min(1.0, _CELLS / max(float(counted.sum()), 1e-9))
        precise = ((counted[:, None] / variance)[..., None] * ways).reshape(-1, len(found))
        normal = precise.T @ ways.reshape(precise.shape)
        pulled = offsets.ravel() @ precise
        least = np.linalg.solve(normal + np.diag(_SPREADS**-2.0), pulled)
        found = np.asarray(np.clip(least, -_MOST * _SPREADS, _MOST * _SPREADS), np.float64)
        misses = (np.square(offsets - ways @ found) / variance).mean(axis=1)
        robust = 1 / (1 + misses / 4) ** 2
    # Contrast multiplies what is looked for, the other ways are taken off.
    others = np.delete(np.arange(len(found)), 3)
    plain = seen - ways[..., others] @ found[others] + found[3] * known.mean()
    colours = np.exp(np.minimum(plain / (1 + found[3]), np.log(_BRIGHTEST + _BLACK))) - _BLACK
    return Relit(np.maximum(colours, 0), found)


def _ways(known: Float64, places: Float64) -> Float64:
    """Return how each of the parameters changes ln light: (N, 3, 6)."""
    ways = np.zeros((len(known), 3, len(_SPREADS)))
    ways[..., 0] = 1
    ways[..., 1] = (1, 0, -1)
    ways[..., 2] = (-0.5, 1, -0.5)
    ways[..., 3] = known - known.mean()
    ways[..., 4:] = places[:, None, :]
    return ways
