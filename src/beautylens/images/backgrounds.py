"""Synthetic backgrounds of phone photos: wood, cloth, stone, table, shelf, hand."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from beautylens.arrays import Float32, Float64, UInt8

_SKIN_TONES = ((246, 211, 184), (226, 178, 142), (198, 142, 104), (150, 98, 66), (96, 60, 42))


def random_background(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return a random synthetic background, (height, width, 3) uint8 RGB."""
    names = list(BACKGROUNDS)
    return BACKGROUNDS[names[int(rng.integers(len(names)))]](height, width, rng)


def skin_tone(rng: np.random.Generator) -> Float32:
    """Return a random skin colour, (3,) RGB."""
    tone = np.asarray(_SKIN_TONES[int(rng.integers(len(_SKIN_TONES)))], np.float32)
    return np.clip(tone + rng.normal(0, 3, 3), 0, 255).astype(np.float32)


def soft_noise(
    height: int, width: int, cells: tuple[int, int], rng: np.random.Generator
) -> Float32:
    """Return smooth zero-mean noise on a grid of `cells` (rows, columns), (height, width)."""
    coarse = rng.normal(0, 1, (max(cells[0], 2), max(cells[1], 2))).astype(np.float32)
    return np.asarray(
        cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.float32
    )


def _random_colour(rng: np.random.Generator, saturation: tuple[float, float]) -> Float32:
    hue = rng.uniform(0, 180)
    lightness = rng.uniform(70, 235)
    shade = np.asarray([[[hue, rng.uniform(*saturation) * 255, lightness]]], np.uint8)
    return np.asarray(cv2.cvtColor(shade, cv2.COLOR_HSV2RGB)[0, 0], np.float32)


def _tinted(lightness: Float32, colour: Float32) -> UInt8:
    """Return a colour modulated by a zero-mean lightness field, as shares of the colour."""
    planes = [np.clip(tone * (1 + lightness), 0, 255) for tone in colour]
    return np.asarray(cv2.merge(planes).astype(np.uint8))


def wood(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return a wooden table with grain and planks."""
    tones = ((196, 148, 98), (150, 100, 62), (104, 68, 44), (222, 188, 146))
    colour = np.asarray(tones[int(rng.integers(4))], np.float32)
    warp = soft_noise(height, width, (6, 3), rng) * 2.2
    rows = np.linspace(0, rng.uniform(12, 28), height, dtype=np.float32)[:, None]
    grain = 0.07 * np.sin(2 * np.pi * (rows + warp)) + 0.05 * soft_noise(
        height, width, (height // 3, 4), rng
    )
    plank = rows * 4 / rows.max() + rng.uniform(0, 1)
    grain += rng.normal(0, 0.07, 6)[plank.astype(int) % 6]
    grain[np.broadcast_to(plank % 1 < 0.02, grain.shape)] -= 0.35
    return _tinted(grain.astype(np.float32), colour)


def cloth(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return woven cloth with soft folds."""
    step = rng.uniform(2.5, 5)
    down, across = np.ogrid[:height, :width]
    weave = 0.05 * (np.sin(down * (2 * np.pi / step)) + np.sin(across * (2 * np.pi / step)))
    folds = 0.12 * soft_noise(height, width, (3, 5), rng) + 0.04 * soft_noise(
        height, width, (9, 9), rng
    )
    return _tinted((weave + folds).astype(np.float32), _random_colour(rng, (0.05, 0.5)))


def stone(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return a veined or speckled stone worktop."""
    colour = _random_colour(rng, (0.0, 0.12))
    veins = np.abs(
        soft_noise(height, width, (6, 5), rng) + 0.4 * soft_noise(height, width, (18, 14), rng)
    )
    speckle = soft_noise(height, width, (height // 2, width // 2), rng)
    field = -rng.uniform(0.02, 0.16) * np.exp(-veins * 9) + rng.uniform(0.01, 0.09) * speckle
    return _tinted(field.astype(np.float32), colour)


def table(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return a plain table in front of a plain wall, both shaded by distance from the light."""
    horizon = int(height * rng.uniform(0.25, 0.6))
    fade = np.linspace(rng.uniform(-0.25, 0.1), rng.uniform(-0.1, 0.2), width, dtype=np.float32)
    depth = np.linspace(-0.18, 0.12, height, dtype=np.float32)[:, None]
    wall = _tinted(fade[None, :] - depth * 0.6, _random_colour(rng, (0.0, 0.3)))
    top = _tinted(fade[None, :] * 0.6 + depth, _random_colour(rng, (0.05, 0.35)))
    wall[horizon:] = top[horizon:]
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), 1 + height / 300), np.uint8)


def shelf(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return blurred shop shelves full of packs."""
    scene = table(height, width, rng)
    boards = max(int(rng.integers(2, 4)), 1)
    for board in range(boards):
        foot = int(height * (board + 1) / boards) - 1
        x = -int(rng.integers(0, max(width // 8, 1)))
        while x < width:
            x += _stock(scene, x, foot, height // boards, rng)
        cv2.rectangle(scene, (0, foot - height // 50), (width, foot), (214, 208, 200), -1)
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), 1 + max(height, width) / 170), np.uint8)


def _stock(scene: UInt8, x: int, foot: int, room: int, rng: np.random.Generator) -> int:
    """Draw one pack on the shelf at x and return its width."""
    wide, tall = int(room * rng.uniform(0.14, 0.4)) + 2, int(room * rng.uniform(0.45, 0.85)) + 2
    body, cap, label = (_random_colour(rng, (0.1, 0.9)).tolist() for _ in range(3))
    neck = foot - int(tall * rng.uniform(0.7, 1.0))
    cv2.rectangle(scene, (x + wide // 4, foot - tall), (x + wide * 3 // 4, foot), cap, -1)
    cv2.rectangle(scene, (x, neck), (x + wide, foot), body, -1)
    third = (foot - neck) // 3
    cv2.rectangle(
        scene, (x + wide // 10, neck + third), (x + wide * 9 // 10, foot - third), label, -1
    )
    return wide + int(rng.integers(1, max(room // 12, 2)))


def hand(height: int, width: int, rng: np.random.Generator) -> UInt8:
    """Return an open hand in front of a blurred background."""
    room = (shelf, table, cloth)[int(rng.integers(3))](height, width, rng)
    room = np.asarray(cv2.GaussianBlur(room, (0, 0), 2 + height / 90), np.uint8)
    tone = skin_tone(rng)
    reach = min(height, width)
    palm = np.zeros((height, width), np.uint8)
    wrist = np.asarray((width * rng.uniform(0.3, 0.7), height * 1.1))
    centre = np.asarray((width * rng.uniform(0.44, 0.56), height * rng.uniform(0.58, 0.7)))
    up = (centre - wrist) / np.linalg.norm(centre - wrist)
    side = np.asarray((-up[1], up[0]))
    cv2.line(palm, _pixels(wrist), _pixels(centre), 255, max(int(reach * 0.34), 1))
    cv2.line(
        palm, _pixels(centre), _pixels(centre + 0.1 * reach * up), 255, max(int(reach * 0.5), 1)
    )
    for finger, length in enumerate((0.52, 0.62, 0.6, 0.46)):
        root = centre + reach * (0.1 * up + (0.13 * finger - 0.195) * side)
        lean = up + (0.16 * finger - 0.24 + rng.normal(0, 0.05)) * side
        cv2.line(
            palm,
            _pixels(root),
            _pixels(root + reach * length * lean),
            255,
            max(int(reach * 0.12), 1),
        )
    thumb = centre + reach * (0.2 * up + rng.choice((-0.5, 0.5)) * side)
    cv2.line(
        palm, _pixels(centre - 0.1 * reach * up), _pixels(thumb), 255, max(int(reach * 0.14), 1)
    )
    return _with_skin(room, palm, tone, rng)


def _pixels(point: Float64) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _with_skin(scene: UInt8, limb: UInt8, tone: Float32, rng: np.random.Generator) -> UInt8:
    """Return the scene with shaded skin inside the limb's mask."""
    height, width = limb.shape
    inside = cv2.distanceTransform(limb, cv2.DIST_L2, 3)
    shading = -0.3 * np.exp(-inside / max(min(limb.shape) / 40, 1.0))
    skin = _tinted(shading + 0.04 * soft_noise(height, width, (12, 12), rng), tone)
    return np.where(limb[..., None] > 0, skin, scene)


BACKGROUNDS: dict[str, Callable[[int, int, np.random.Generator], UInt8]] = {
    "cloth": cloth,
    "hand": hand,
    "shelf": shelf,
    "stone": stone,
    "table": table,
    "wood": wood,
}
