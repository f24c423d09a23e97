"""Simulation of phone photos from studio pictures.

With it a network is trained on a catalogue alone for the domain gap between studio and phone, and
the in-catalogue probability is calibrated.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.images.backgrounds import random_background, skin_tone, soft_noise
from beautylens.images.cutout import cut_out
from beautylens.images.draw import to_jpeg

Effect = Callable[[UInt8, np.random.Generator, float], UInt8]

# Least and largest longer side of a photo in pixels.
_LONG_SIDE = (96, 1200)


def phone_photo(
    picture: UInt8,
    rng: np.random.Generator,
    *,
    background: UInt8 | None = None,
    strength: float = 1.0,
) -> UInt8:
    """Return a simulated phone photo of the item of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB. The item is segmented from a near-white background; otherwise
            the whole picture is the item.
        rng: random generator; the same state gives the same photo.
        background: (h, w, 3) uint8 RGB; a random synthetic one by default.
        strength: of the effects: 0 changes little but the background, 1 is a typical phone photo.

    Returns:
        (H', W', 3) uint8 RGB in portrait 3:4 or landscape 4:3.
    """
    item, cover = cut_out(picture)
    height, width = _frame(picture, rng)
    scene = random_background(height, width, rng) if background is None else background
    scene = np.asarray(cv2.resize(scene, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    item, cover = pose(item, cover, (height, width), rng, strength)
    photo = composite(item, cover, scene, rng)
    for effect in EFFECTS:
        photo = effect(photo, rng, strength)
    return photo


def _frame(picture: UInt8, rng: np.random.Generator) -> tuple[int, int]:
    """Return height and width of the photo: a quarter larger than the picture, mostly portrait."""
    long = int(np.clip(1.25 * max(picture.shape[:2]), *_LONG_SIDE))
    short = long * 3 // 4
    return (long, short) if rng.random() < 0.7 else (short, long)


def pose(
    item: UInt8, cover: UInt8, frame: tuple[int, int], rng: np.random.Generator, strength: float
) -> tuple[UInt8, UInt8]:
    """Return item and mask under a random perspective transform.

    One photo in four is rotated by 90 or 180 degrees, as of a phone held sideways.
    """
    height, width = cover.shape
    corners = np.asarray([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    quarter = int(rng.choice(4, p=(0.76, 0.09, 0.06, 0.09))) if strength > 0 else 0
    angle = np.pi / 2 * quarter + np.radians(rng.normal(0, 9)) * strength
    target = _rotated(corners - (width / 2, height / 2), angle)
    room = np.asarray(frame[::-1], np.float32)
    target *= rng.uniform(0.62, 0.92) * float((room / np.maximum(np.ptp(target, axis=0), 1)).min())
    target += rng.normal(0, 0.035, (4, 2)) * strength * np.ptp(target, axis=0)
    target += room / 2 + rng.normal(0, 0.04, 2) * strength * room
    warp = cv2.getPerspectiveTransform(corners, target.astype(np.float32))
    size = (frame[1], frame[0])
    seen = cv2.warpPerspective(item, warp, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8), np.asarray(cv2.warpPerspective(cover, warp, size), np.uint8)


def _rotated(points: Float32, angle: float) -> Float32:
    sine, cosine = np.sin(angle), np.cos(angle)
    return np.asarray(points @ np.asarray([(cosine, sine), (-sine, cosine)]), np.float32)


def composite(item: UInt8, cover: UInt8, scene: UInt8, rng: np.random.Generator) -> UInt8:
    """Return the item composed with a scene, with a cast shadow."""
    light = 255 - cv2.convertScaleAbs(_shadow(cover, rng), alpha=rng.uniform(0.25, 0.55))
    dimmed = cv2.multiply(scene, cv2.merge([light] * 3), scale=1 / 255)
    alpha = cv2.merge([cv2.GaussianBlur(cover, (0, 0), 0.7)] * 3)
    front = cv2.multiply(item, alpha, scale=1 / 255)
    return np.asarray(cv2.add(front, cv2.multiply(dimmed, 255 - alpha, scale=1 / 255)), np.uint8)


def _shadow(cover: UInt8, rng: np.random.Generator) -> UInt8:
    """Return the cast shadow: the item's mask, shifted and blurred."""
    size = cover.shape[::-1]
    reach = max(cover.shape) / 60
    x, y = rng.uniform(-1.6, 1.6, 2) * reach
    moved = cv2.warpAffine(cover, np.asarray([(1, 0, x), (0, 1, y)], np.float32), size)
    low = cv2.resize(moved, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(low, (0, 0), reach / 4 + 0.3), size), np.uint8)


def occlusion(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Cover the edge of the item with a finger in some photos."""
    if rng.random() > 0.3 * strength:
        return photo
    height, width = photo.shape[:2]
    turn = rng.uniform(0, 2 * np.pi)
    out = np.asarray((np.cos(turn), np.sin(turn))) * (width, height)
    middle = np.asarray((width, height)) / 2
    start, tip = middle + 0.75 * out, middle + rng.uniform(0.24, 0.36) * out
    limb = np.zeros((height, width), np.uint8)
    thickness = max(int(min(height, width) * rng.uniform(0.11, 0.17)), 1)
    cv2.line(limb, start.astype(int).tolist(), tip.astype(int).tolist(), 255, thickness)
    depth = cv2.distanceTransform(limb, cv2.DIST_L2, 3) / max(thickness / 2, 1)
    skin = skin_tone(rng) * (0.68 + 0.36 * np.sqrt(np.clip(depth, 0, 1)))[..., None]
    alpha = (cv2.GaussianBlur(limb, (0, 0), 1.2) / np.float32(255))[..., None]
    return np.asarray(np.clip(photo * (1 - alpha) + skin * alpha, 0, 255), np.uint8)


def light_falloff(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Apply light from one side, and vignetting."""
    down, across = np.mgrid[-1:1:24j, -1:1:24j].astype(np.float32)
    turn = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0, 0.28) * (np.cos(turn) * across + np.sin(turn) * down)
    corners = rng.uniform(0, 0.22) * (down**2 + across**2) / 2
    field = np.clip(1 + strength * (slope - corners), 0.3, 1.6).astype(np.float32)
    return _scaled(photo, field)


def _scaled(photo: UInt8, field: Float32) -> UInt8:
    """Return the photo multiplied by a small field of gains, resized to it."""
    gain = cv2.resize(field, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.multiply(photo, cv2.merge([gain] * 3), dtype=cv2.CV_8U), np.uint8)


def colour_cast(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Change exposure, contrast and white balance, as of an automatic camera under a lamp."""
    warmth, tint = rng.normal(0, (0.09, 0.025)) * strength
    exposure = rng.normal(0.03, 0.12) * strength
    gains = np.exp(exposure + np.asarray((warmth, tint, -warmth)))
    gamma = np.exp(rng.normal(0, 0.12) * strength)
    levels = (np.arange(256) / 255)[:, None] ** gamma * gains * 255
    table = np.clip(levels, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(photo, table), np.uint8)


def glare(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Add a soft bright patch, as a lamp's reflection on a glossy pack, in some photos."""
    if rng.random() > 0.4 * strength:
        return photo
    down, across = np.mgrid[0:1:48j, 0:1:48j].astype(np.float32)
    y, x = rng.uniform(0.25, 0.75, 2)
    turn = rng.uniform(0, np.pi)
    long, short = rng.uniform((0.1, 0.04), (0.3, 0.1))
    along = (across - x) * np.cos(turn) + (down - y) * np.sin(turn)
    aside = (down - y) * np.cos(turn) - (across - x) * np.sin(turn)
    patch = np.exp(-((along / long) ** 2) - (aside / short) ** 2) * rng.uniform(60, 190)
    wash = cv2.resize(patch.astype(np.uint8), photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.add(photo, cv2.merge([wash] * 3)), np.uint8)


def blur(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Apply defocus blur or motion blur."""
    scale = strength * max(photo.shape) / 800
    if rng.random() < 0.7:
        spread = max(rng.uniform(0, 1.5) * scale, 0.1)
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), spread), np.uint8)
    reach = int(rng.uniform(1, 4.5) * scale)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    turn = rng.uniform(0, np.pi)
    step = np.asarray((np.cos(turn), np.sin(turn))) * reach
    ends = (np.rint(reach - step).astype(int).tolist(), np.rint(reach + step).astype(int).tolist())
    cv2.line(kernel, *ends, 1.0, 1)
    return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum()), np.uint8)


def noise(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Add luminance noise, and coarser chroma noise."""
    height, width = photo.shape[:2]
    spread = rng.uniform(1, 7) * strength
    grain = rng.standard_normal((height, width), np.float32) * np.float32(spread)
    blotches = [soft_noise(height, width, (height // 6, width // 6), rng) for _ in range(3)]
    planes = cv2.merge([grain + np.float32(0.4 * spread) * blotch for blotch in blotches])
    return np.asarray(cv2.add(photo, planes, dtype=cv2.CV_8U), np.uint8)


def jpeg(photo: UInt8, rng: np.random.Generator, strength: float) -> UInt8:
    """Apply JPEG compression at the quality of messengers."""
    quality = int(95 - rng.uniform(5, 55) * strength)
    data = np.frombuffer(to_jpeg(photo, max(quality, 5)), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)


EFFECTS: tuple[Effect, ...] = (
    occlusion,
    light_falloff,
    colour_cast,
    glare,
    blur,
    noise,
    jpeg,
)
