"""Illuminant estimation against a studio picture of the same item, and relighting by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Float64

# Linear light added before logarithms; values below it are noise.
_BLACK = 0.01
# Prior standard deviations of exposure, warmth, tint, contrast and two slopes, in ln of linear
# light: somewhat wider than those of `images.simulate`, since phones vary more.
_PRIOR = np.array([0.25, 0.10, 0.05, 0.12, 0.2, 0.2])
# Bounds of the parameters, in prior standard deviations.
_BOUND = 4.0
# Standard deviation of ln light of one cell: glare, wear and misalignment.
_NOISE = 0.10
# Effective number of independent cells: the errors of neighbouring cells are correlated.
_EFFECTIVE_CELLS = 60.0
# Rounds of iteratively reweighted least squares.
_ROUNDS = 6
# Linear light at which relit colours are clipped.
_BRIGHTEST = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Relit:
    """Colours of a photo under the light of a studio picture, and the light's parameters.

    colours (N, 3) are linear light; parameters (6,) are ln exposure, warmth, tint and contrast, and
    two slopes from the middle of the picture to its border.
    """

    colours: Float64
    parameters: Float64


def relight(photo: Float64, studio: Float64, positions: Float64, weights: Float64) -> Relit:
    """Return the colours of a photo under the light of the studio picture.

    The model of the light in ln space is a gain, its share from blue to red and from magenta to
    green, a contrast, and a linear fall-off across the photo. It is fitted to all cells at once by
    robust least squares (Geman-McClure) under a Gaussian prior: another shade in a few cells is an
    outlier, and another shade in all cells is too unlikely as a light.

    Args:
        photo: (N, 3) linear light of cells of the photo.
        studio: (N, 3) that of the same cells of the studio picture.
        positions: (N, 2) x, y in the picture, -1 to 1.
        weights: (N,) weight of each cell.
    """
    seen, known = np.log(photo + _BLACK), np.log(studio + _BLACK)
    basis = _light_basis(known, positions)
    offsets = seen - known
    variance = _NOISE**2 + 0.3 * (_BLACK / (studio + _BLACK)) ** 2
    robust = np.ones(len(photo))
    fitted = np.zeros(len(_PRIOR))
    for _ in range(_ROUNDS):
        counted = weights * robust
        counted *= min(1.0, _EFFECTIVE_CELLS / max(float(counted.sum()), 1e-9))
        weighted = ((counted[:, None] / variance)[..., None] * basis).reshape(-1, len(fitted))
        normal = weighted.T @ basis.reshape(weighted.shape)
        solution = np.linalg.solve(normal + np.diag(_PRIOR**-2.0), offsets.ravel() @ weighted)
        fitted = np.asarray(np.clip(solution, -_BOUND * _PRIOR, _BOUND * _PRIOR), np.float64)
        residuals = (np.square(offsets - basis @ fitted) / variance).mean(axis=1)
        robust = 1 / (1 + residuals / 4) ** 2
    # Contrast is a factor of the studio's ln light; the other terms are subtracted.
    others = np.delete(np.arange(len(fitted)), 3)
    plain = seen - basis[..., others] @ fitted[others] + fitted[3] * known.mean()
    colours = np.exp(np.minimum(plain / (1 + fitted[3]), np.log(_BRIGHTEST + _BLACK))) - _BLACK
    return Relit(np.maximum(colours, 0), fitted)


def _light_basis(known: Float64, positions: Float64) -> Float64:
    """Return the derivative of ln light by each parameter, (N, 3, 6)."""
    basis = np.zeros((len(known), 3, len(_PRIOR)))
    basis[..., 0] = 1
    basis[..., 1] = (1, 0, -1)
    basis[..., 2] = (-0.5, 1, -0.5)
    basis[..., 3] = known - known.mean()
    basis[..., 4:] = positions[:, None, :]
    return basis
