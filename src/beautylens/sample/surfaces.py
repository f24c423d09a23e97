"""Shading of plastic, metal, glass and card under the two soft lights of a studio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import cv2
import numpy as np

from beautylens.arrays import Floating, Intp, UInt8
from beautylens.sample.colour import RGB

Profile = Callable[[Floating], Floating]

# Supersampled pixels per pixel of the finished picture.
SCALE = 2

# Entries of a shading table across a body, from left to right.
_STEPS = 256

_Knots = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Material:
    """Shading across a body: knots (position -1..1, value) of gain and of added gloss."""

    gain: _Knots
    gloss: _Knots = ((-1, 0), (1, 0))


_ROUND: _Knots = (
    (-1, 0.58),
    (-0.93, 0.74),
    (-0.75, 0.93),
    (-0.4, 1.05),
    (0, 1.0),
    (0.45, 0.9),
    (0.8, 0.76),
    (0.94, 0.66),
    (1, 0.6),
)

MATERIALS: dict[str, Material] = {
    "matte": Material(_ROUND),
    "satin": Material(_ROUND, ((-0.9, 0), (-0.5, 0.13), (-0.1, 0), (1, 0))),
    "gloss": Material(
        _ROUND,
        (
            (-0.9, 0.02),
            (-0.86, 0.5),
            (-0.74, 0.55),
            (-0.7, 0.07),
            (-0.3, 0.0),
            (0.78, 0),
            (0.82, 0.24),
            (0.88, 0.22),
            (0.92, 0),
        ),
    ),
    "metal": Material(
        (
            (-1, 0.45),
            (-0.9, 0.8),
            (-0.72, 1.1),
            (-0.6, 1.3),
            (-0.45, 0.95),
            (-0.28, 0.6),
            (-0.05, 0.72),
            (0.2, 1.0),
            (0.42, 1.28),
            (0.55, 1.1),
            (0.72, 0.66),
            (0.9, 0.85),
            (1, 0.5),
        ),
        ((-0.75, 0), (-0.6, 0.3), (-0.45, 0), (0.3, 0), (0.43, 0.2), (0.56, 0)),
    ),
    "glass": Material(
        (
            (-1, 0.5),
            (-0.93, 0.62),
            (-0.85, 0.96),
            (-0.3, 1.1),
            (0.3, 1.12),
            (0.84, 1.0),
            (0.93, 0.62),
            (1, 0.52),
        ),
        (
            (-0.9, 0),
            (-0.87, 0.6),
            (-0.78, 0.66),
            (-0.74, 0.08),
            (-0.3, 0.02),
            (0.76, 0.03),
            (0.8, 0.4),
            (0.85, 0.36),
            (0.89, 0),
        ),
    ),
}


@lru_cache(maxsize=64)
def shading(material: str) -> tuple[Floating, Floating]:
    """Return gain (_STEPS,) and gloss in grey levels (_STEPS,), from left to right."""
    chosen = MATERIALS[material]
    return _interpolated(chosen.gain), 255 * _interpolated(chosen.gloss)


def _interpolated(knots: _Knots) -> Floating:
    positions, values = zip(*knots, strict=True)
    across = np.linspace(-1, 1, _STEPS)
    return np.asarray(np.interp(across, positions, values), np.float32)


def straight(radius: float) -> Profile:
    """Return the profile of a cylinder; radii are pixels of the finished picture."""
    return lambda t: np.full_like(t, radius)


def taper(top: float, bottom: float) -> Profile:
    """Return the profile of a cone section."""
    return lambda t: top + (bottom - top) * t


def shoulder(top: float, bottom: float) -> Profile:
    """Return the profile of a bottle's shoulder, from a narrow top to a wide bottom."""
    return lambda t: top + (bottom - top) * np.sqrt(1 - (1 - t) ** 2)


def foot(radius: float, share: float = 0.1) -> Profile:
    """Return the profile of a cylinder with a rounded foot of this share of the height."""

    def profile(t: Floating) -> Floating:
        fall = np.clip((t - 1 + share) / share, 0, 1)
        return np.asarray(radius * (0.88 + 0.12 * np.sqrt(1 - fall**2)))

    return profile


def waist(radius: float, depth: float) -> Profile:
    """Return the profile of a cylinder that is `depth` pixels narrower at its middle."""
    return lambda t: radius - depth * np.sin(np.pi * t).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Part:
    """One section of a rotationally symmetric body, its height in pixels.

    label (H, W, 3) covers the front half, resized to fit; ridges are vertical grooves around the
    body, as on a screw cap.
    """

    height: float
    profile: Profile
    material: str
    colour: RGB
    label: UInt8 | None = None
    ridges: int = 0


def curved_wall(part: Part, camera: float, yaw: float) -> tuple[UInt8, UInt8]:
    """Return the wall of a part, seen slightly from above, and its mask.

    Args:
        part: the section.
        camera: ratio of height to width of the rim's ellipse.
        yaw: rotation about the axis in radians.
    """
    height = max(round(part.height * SCALE), 2)
    radii = (part.profile(np.linspace(0, 1, height, dtype=np.float32)) * SCALE).astype(np.float32)
    reach = ceil(float(radii.max()))
    xs = np.arange(-reach, reach + 1, dtype=np.float32)[None, :]
    ys = np.arange(height + ceil(camera * float(radii[-1])), dtype=np.float32)[:, None]
    rows = _depth(ys, ys, xs, radii, camera)
    rows = _depth(ys, rows, xs, radii, camera)
    across = xs / np.maximum(radii[np.clip(rows, 0, height - 1).astype(np.intp)], 1e-3)
    mask = (np.abs(across) <= 1) & (rows >= 0) & (rows < height)
    across = np.clip(across, -1, 1)
    return _lit(part, across, rows / height, yaw), mask.astype(np.uint8) * 255


def _depth(ys: Floating, rows: Floating, xs: Floating, radii: Floating, camera: float) -> Floating:
    """Return the row of the body seen at each pixel, by one step of a fixed-point iteration."""
    radius = radii[np.clip(rows, 0, len(radii) - 1).astype(np.intp)]
    return np.asarray(ys - camera * np.sqrt(np.maximum(radius**2 - xs**2, 0)), np.float32)


def _lit(part: Part, across: Floating, down: Floating, yaw: float) -> UInt8:
    """Return the shaded colours at positions across (-1..1) and down (0..1) the part."""
    seams = _seam_levels(part.height, down)
    index = ((across + 1) * ((_STEPS - 1) / 2)).astype(np.intp)
    gain, gloss = shading(part.material)
    if part.ridges:
        angle = np.arcsin(np.linspace(-1, 1, _STEPS)) / np.pi
        gain = (gain * (0.88 + 0.16 * np.sin(angle * 2 * np.pi * part.ridges))).astype(np.float32)
    if part.label is None:
        table = _SEAM_GAIN[:, None, None] * gain[:, None] * np.asarray(part.colour, np.float32)
        table = np.clip(table + gloss[:, None], 0, 255).astype(np.uint8)
        return np.asarray(table.reshape(-1, 3).take(seams * _STEPS + index, axis=0), np.uint8)
    printed = _wrapped(part.label, across, down, yaw)
    lift = _SEAM_GAIN.take(seams) * gain.take(index)
    lit = cv2.multiply(printed, cv2.merge([lift, lift, lift]), dtype=cv2.CV_32F)
    shine = gloss.take(index)
    return np.asarray(cv2.add(lit, cv2.merge([shine, shine, shine]), dtype=cv2.CV_8U), np.uint8)


_SEAM_GAIN = np.linspace(0.72, 1.0, 16, dtype=np.float32)


def _seam_levels(height: float, down: Floating) -> Intp:
    """Return the index into _SEAM_GAIN of each pixel: parts are darker at their two ends."""
    reach = min(5.0, height / 5)
    near = np.minimum(down, 1 - down) * height / reach
    return np.clip(near * 15, 0, 15).astype(np.intp)


def _wrapped(flat: UInt8, across: Floating, down: Floating, yaw: float) -> UInt8:
    """Return a flat label mapped around the body; it repeats on the back."""
    height, width = flat.shape[:2]
    x = (np.arcsin(across) + yaw) * (width / np.pi) + width / 2
    y = np.clip(down, 0, 1) * (height - 1)
    wrapped = cv2.remap(
        flat,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    return np.asarray(wrapped, np.uint8)


def rim_ellipse(radius: float, camera: float, colour: RGB) -> tuple[UInt8, UInt8]:
    """Return the flat top of a part, an ellipse lit from behind, and its mask."""
    reach, lift = max(round(radius * SCALE), 1), max(round(radius * camera * SCALE), 1)
    mask = np.zeros((2 * lift + 1, 2 * reach + 1), np.uint8)
    cv2.ellipse(mask, (reach, lift), (reach, lift), 0, 0, 360, 255, -1)
    slope = np.linspace(1.02, 0.86, 2 * lift + 1, dtype=np.float32)[:, None, None]
    glow = np.linspace(16, 0, 2 * reach + 1, dtype=np.float32)[None, :, None]
    lit = np.minimum(np.asarray(colour, np.float32) * slope + glow, 228)
    face = np.broadcast_to(lit, (*mask.shape, 3)).astype(np.uint8)
    edge = tuple(0.74 * tone for tone in colour)
    cv2.ellipse(face, (reach, lift), (reach - 1, max(lift - 1, 1)), 0, 0, 360, edge, 2)
    return face, mask
