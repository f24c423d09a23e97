"""Typesetting: one font, varied by width, weight, slant and stencil cuts for each brand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from beautylens.sample.colour import RGB

# Left, top, right, bottom in pixels.
Rect = tuple[float, float, float, float]

_MEASURING_SIZE = 100


@dataclass(frozen=True, slots=True)
class Lettering:
    """Type style of a brand; lengths are in ems."""

    case: Literal["upper", "lower", "given"] = "given"
    tracking: float = 0.0
    stretch: float = 1.0
    slant: float = 0.0
    weight: float = 0.0
    stencil: bool = False


PLAIN = Lettering()
BOLD = Lettering(weight=0.028, tracking=0.03)
CAPS = Lettering(case="upper", tracking=0.16)


def write(image: Image.Image, words: str, rect: Rect, style: Lettering, ink: RGB) -> None:
    """Write words as large as they fit, centred in a rectangle."""
    left, top, right, bottom = rect
    size = _fitting_size(words, style, right - left, bottom - top)
    if size < 4:
        return
    mask = _set_words(words, style, size)
    x, y = (left + right - mask.width) / 2, (top + bottom - mask.height) / 2
    image.paste(ink, (round(x), round(y)), mask)


def write_upright(image: Image.Image, words: str, rect: Rect, style: Lettering, ink: RGB) -> None:
    """Write words along the height of a rectangle, from bottom to top."""
    left, top, right, bottom = rect
    size = _fitting_size(words, style, bottom - top, right - left)
    if size < 4:
        return
    mask = _set_words(words, style, size).transpose(Image.Transpose.ROTATE_90)
    x, y = (left + right - mask.width) / 2, (top + bottom - mask.height) / 2
    image.paste(ink, (round(x), round(y)), mask)


@lru_cache(maxsize=256)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("sample labels need Pillow with FreeType; install another build of it")
    return font


def _cased(words: str, style: Lettering) -> str:
    return {"upper": words.upper(), "lower": words.lower(), "given": words}[style.case]


def _width(words: str, style: Lettering, size: int) -> float:
    letters = sum(_font(size).getlength(letter) for letter in words)
    return letters + (style.tracking * (len(words) - 1) + 2 * style.weight) * size


def _fitting_size(words: str, style: Lettering, width: float, height: float) -> int:
    measured = _width(_cased(words, style), style, _MEASURING_SIZE) / _MEASURING_SIZE
    widest = width / (measured * style.stretch + abs(style.slant) * 0.7 + 1e-6)
    return int(min(widest, height * 0.92))


@lru_cache(maxsize=4096)
def _set_words(words: str, style: Lettering, size: int) -> Image.Image:
    """Return the mask ("L") of words, cropped to their bounding box."""
    words = _cased(words, style)
    pad = round(style.weight * size) + 2
    mask = Image.new("L", (round(_width(words, style, size)) + 2 * pad, round(size * 1.4)), 0)
    _draw_letters(ImageDraw.Draw(mask), words, style, size, pad)
    if style.stencil:
        cut = round(size * 0.62)
        ImageDraw.Draw(mask).rectangle((0, cut, mask.width, cut + size * 0.05), fill=0)
    if style.stretch != 1.0 or style.slant:
        mask = _sheared(mask, style)
    return mask.crop(mask.getbbox() or (0, 0, 1, 1))


def _draw_letters(
    draw: ImageDraw.ImageDraw, words: str, style: Lettering, size: int, x: float
) -> None:
    font = _font(size)
    for letter in words:
        draw.text((x, size * 0.1), letter, fill=255, font=font, stroke_width=style.weight * size)
        x += font.getlength(letter) + style.tracking * size


def _sheared(mask: Image.Image, style: Lettering) -> Image.Image:
    lean = style.slant * mask.height
    width = round(mask.width * style.stretch + abs(lean))
    across = 1 / style.stretch
    coefficients = (across, style.slant * across, -max(lean, 0.0) * across, 0.0, 1.0, 0.0)
    return mask.transform(
        (width, mask.height), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC
    )
