"""Colour spaces sRGB, linear light and CIELAB, and the CIEDE2000 colour difference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Float64, UInt8

_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
# XYZ of sRGB white, D65.
_WHITE = _TO_XYZ.sum(axis=1)
_KNEE = 6 / 29
_POWER = 25.0**7


def linear(levels: NDArray[np.generic]) -> Float64:
    """Return linear light, 0 to 1, of 8-bit sRGB levels (IEC 61966-2-1)."""
    encoded = np.asarray(levels, np.float64) / 255
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def lab(light: Float64) -> Float64:
    """Return the CIELAB colours under D65 of linear sRGB light (..., 3), which may exceed 1."""
    share = np.maximum(light, 0) @ _TO_XYZ.T / _WHITE
    root = np.where(share > _KNEE**3, np.cbrt(share), share / (3 * _KNEE**2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def levels(colours: Float64) -> UInt8:
    """Return the 8-bit sRGB levels of CIELAB colours (..., 3), clipped to the gamut."""
    root = np.empty_like(colours)
    root[..., 1] = (colours[..., 0] + 16) / 116
    root[..., 0] = root[..., 1] + colours[..., 1] / 500
    root[..., 2] = root[..., 1] - colours[..., 2] / 200
    share = np.where(root > _KNEE, root**3, 3 * _KNEE**2 * (root - 4 / 29))
    light = np.clip((share * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255), np.uint8)


def ciede2000(left: Float64, right: Float64) -> Float64:
    """Return the CIEDE2000 difference of CIELAB colours (..., 3) (Sharma et al., 2005).

    https://doi.org/10.1002/col.20070. About 1 is just noticeable; 5 is another shade.
    """
    chroma = (np.hypot(left[..., 1], left[..., 2]) + np.hypot(right[..., 1], right[..., 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(chroma**7 / (chroma**7 + _POWER))
    chroma1, hue1 = _polar(left, stretch)
    chroma2, hue2 = _polar(right, stretch)
    grey = chroma1 * chroma2 == 0
    turn = np.where(grey, 0.0, (hue2 - hue1 + 180) % 360 - 180)
    # Exactly opposite hues differ by +180 degrees where the second is the greater.
    turn = np.where((turn == -180) & (hue2 > hue1), 180.0, turn)
    hue = np.where(grey, hue1 + hue2, _mean_hue(hue1, hue2))
    lightness = (left[..., 0] + right[..., 0]) / 2
    chroma = (chroma1 + chroma2) / 2
    step = 2 * np.sqrt(chroma1 * chroma2) * np.sin(np.radians(turn / 2))
    offset = (lightness - 50) ** 2
    in_lightness = (right[..., 0] - left[..., 0]) / (1 + 0.015 * offset / np.sqrt(20 + offset))
    in_chroma = (chroma2 - chroma1) / (1 + 0.045 * chroma)
    in_hue = step / (1 + 0.015 * chroma * _hue_weight(hue))
    crossed = _rotation(chroma, hue) * in_chroma * in_hue
    return np.asarray(np.sqrt(np.maximum(in_lightness**2 + in_chroma**2 + in_hue**2 + crossed, 0)))


def _polar(colours: Float64, stretch: Float64) -> tuple[Float64, Float64]:
    a, b = stretch * colours[..., 1], colours[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _mean_hue(first: Float64, second: Float64) -> Float64:
    """Return the mean of two hues along the shorter arc, in degrees."""
    mean = (first + second) / 2
    far = np.abs(first - second) > 180
    return np.where(far, np.where(mean < 180, mean + 180, mean - 180), mean)


def _hue_weight(hue: Float64) -> Float64:
    terms = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    parts = [share * np.cos(np.radians(times * hue + shift)) for share, times, shift in terms]
    return np.asarray(1 + sum(parts))


def _rotation(chroma: Float64, hue: Float64) -> Float64:
    """Return R_T, the interaction of chroma and hue differences in the blue region."""
    angle = 30 * np.exp(-(((hue - 275) / 25) ** 2))
    return np.asarray(
        -2 * np.sqrt(chroma**7 / (chroma**7 + _POWER)) * np.sin(np.radians(2 * angle))
    )
