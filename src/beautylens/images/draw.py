"""Drawings that explain a match: lines between keypoints, outlined text, compared colours."""

from __future__ import annotations

import colorsys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from beautylens.arrays import Float32, Intp, UInt8

GAP = 24
# Factor by which compared pictures are enlarged.
ENLARGED = 2
# Height of a row of colours in pixels.
ROW = 48


def match_lines(
    left: UInt8,
    right: UInt8,
    left_points: Float32,
    right_points: Float32,
) -> UInt8:
    """Return two pictures side by side with a coloured line for each keypoint match.

    Args:
        left: (H, W, 3) uint8 RGB.
        right: (H', W', 3) uint8 RGB.
        left_points: (M, 2) x, y in pixels of `left`.
        right_points: (M, 2) x, y in pixels of `right`.
    """
    height = max(left.shape[0], right.shape[0])
    start = left.shape[1] + GAP
    canvas = np.full((height, start + right.shape[1], 3), 255, np.uint8)
    canvas[: left.shape[0], : left.shape[1]] = left
    canvas[: right.shape[0], start:] = right
    thickness = max(1, round(height / 800))
    # Hues run from top to bottom, so that crossing lines differ in colour.
    order = np.argsort(left_points[:, 1], kind="stable")
    for rank, pair in enumerate(order):
        colour = _hue(rank / max(1, len(order)))
        one = _pixel(left_points[pair])
        other = _pixel(right_points[pair] + (start, 0))
        cv2.line(canvas, one, other, colour, thickness, cv2.LINE_AA)
        for end in (one, other):
            cv2.circle(canvas, end, 4 * thickness, colour, thickness, cv2.LINE_AA)
    return canvas


def labelled(picture: UInt8, outlines: Sequence[Float32], labels: Sequence[str]) -> UInt8:
    """Return a picture with outlines, and a list of their labels beside it.

    Args:
        picture: (H, W, 3) uint8 RGB.
        outlines: corners of each outline, (K, 2) x, y in pixels.
        labels: text of each outline, in the same order.
    """
    height, width = picture.shape[:2]
    line = max(16, height // 28)
    font = ImageFont.load_default(size=0.8 * line)
    # Pillow's default font has no accents.
    labels = [_plain(label) for label in labels]
    widest = max((font.getlength(label) for label in labels), default=0.0)
    sheet = Image.new("RGB", (width + GAP + int(widest) + 2 * line, height), "white")
    sheet.paste(Image.fromarray(picture))
    pen = ImageDraw.Draw(sheet)
    for index, (outline, label) in enumerate(zip(outlines, labels, strict=True)):
        colour = _hue(index / max(1, len(labels)))
        pen.polygon([_pixel(corner) for corner in outline], outline=colour, width=max(2, line // 8))
        top = index * line
        pen.rectangle(
            (width + GAP, top + line // 4, width + GAP + line // 2, top + 3 * line // 4),
            fill=colour,
        )
        pen.text((width + GAP + line, top), label, fill="black", font=font)
    return np.asarray(sheet, np.uint8)


def compared_cells(left: UInt8, right: UInt8, corners: Intp, side: int, swatches: UInt8) -> UInt8:
    """Return two pictures side by side with outlined cells, and a row of the cells' colours below.

    Both rows have the colours in the given order: those of one cell are at the same position.

    Args:
        left: (H, W, 3) uint8 RGB.
        right: (H, W, 3).
        corners: (N, 2) x, y of the upper left corners of the cells, in pixels.
        side: side of a cell in pixels.
        swatches: (2, N, 3) uint8 RGB, the colours of the left cells and of the right ones.
    """
    halves = [
        np.vstack([_with_cells(picture, corners, side), _colour_row(colours, picture.shape[1])])
        for picture, colours in zip((left, right), swatches, strict=True)
    ]
    gap = np.full((halves[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([halves[0], gap, halves[1]])


def _with_cells(picture: UInt8, corners: Intp, side: int) -> UInt8:
    drawn = np.asarray(cv2.resize(picture, None, fx=ENLARGED, fy=ENLARGED), np.uint8)
    for x, y in (corners * ENLARGED).tolist():
        # Light inside dark: visible on any colour.
        cv2.rectangle(drawn, (x, y), (x + ENLARGED * side, y + ENLARGED * side), (0, 0, 0), 2)
        cv2.rectangle(drawn, (x, y), (x + ENLARGED * side, y + ENLARGED * side), (255,) * 3, 1)
    return drawn


def _colour_row(colours: UInt8, width: int) -> UInt8:
    row = colours[None] if len(colours) else np.full((1, 1, 3), 255, np.uint8)
    size = (ENLARGED * width, ROW)
    return np.asarray(cv2.resize(row, size, interpolation=cv2.INTER_NEAREST), np.uint8)


def write_png(path: Path, picture: UInt8) -> None:
    """Write an RGB picture as PNG, and create its folder.

    Raises:
        OSError: when the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_png(picture))


def to_png(picture: UInt8) -> bytes:
    """Return an RGB picture as the bytes of a PNG file."""
    _, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return data.tobytes()


def to_jpeg(picture: UInt8, quality: int) -> bytes:
    """Return an RGB picture as the bytes of a JPEG file without metadata."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    return data.tobytes()


def _hue(share: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(share * 0.85, 0.85, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def _pixel(point: Float32) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def _plain(label: str) -> str:
    letters = unicodedata.normalize("NFKD", label)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
