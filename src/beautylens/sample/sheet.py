"""Drawing of a label: a sheet, and blocks of text and emblems stacked on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from beautylens.sample.colour import RGB, mix, readable
from beautylens.sample.emblems import emblem_mask
from beautylens.sample.lettering import BOLD, CAPS, PLAIN, Lettering, Rect, write
from beautylens.sample.pack import Pack
from beautylens.sample.patterns import print_pattern

_FINE_PRINT = (
    "Aqua, Glycerin, Squalane, Betaine, Tocopherol,",
    "Cetearyl Alcohol, Panthenol, Xanthan Gum, Sodium",
    "Hyaluronate, Parfum, Citric Acid, Limonene.",
    "Keep out of reach of children. Store below 25 C.",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A label being drawn; text stays inside `safe`, the visible part on a pack."""

    image: Image.Image
    pack: Pack
    safe: Rect

    @property
    def draw(self) -> ImageDraw.ImageDraw:
        """Pillow's drawing context of the image."""
        return ImageDraw.Draw(self.image)

    @property
    def unit(self) -> float:
        """Shorter side of the safe area in pixels, the unit of patterns and margins."""
        left, top, right, bottom = self.safe
        return min(right - left, bottom - top)


Painter = Callable[[Sheet, Rect], None]
Block = tuple[float, Painter]


def words_block(words: str, style: Lettering, ink: RGB) -> Painter:
    """Return the painter of a line of words."""

    def paint(sheet: Sheet, rect: Rect) -> None:
        write(sheet.image, words, rect, style, ink)

    return paint


def emblem_block(ink: RGB) -> Painter:
    """Return the painter of the brand's emblem, at the top of its block."""

    def paint(sheet: Sheet, rect: Rect) -> None:
        left, top, right, bottom = rect
        side = round(min(right - left, bottom - top))
        mask = emblem_mask(sheet.pack.brand.emblem, side)
        sheet.image.paste(ink, (round((left + right - side) / 2), round(top)), mask)

    return paint


def rule_block(ink: RGB) -> Painter:
    """Return the painter of a thin line across the middle of its block."""

    def paint(sheet: Sheet, rect: Rect) -> None:
        left, top, right, bottom = rect
        middle = (top + bottom) / 2
        inset = (right - left) * 0.22
        sheet.draw.line([(left + inset, middle), (right - inset, middle)], fill=ink, width=3)

    return paint


def _fine_print(ink: RGB) -> Painter:
    def paint(sheet: Sheet, rect: Rect) -> None:
        left, top, right, bottom = rect
        step = (bottom - top) / len(_FINE_PRINT)
        for row, words in enumerate(_FINE_PRINT):
            line = (left, top + row * step, right, top + (row + 1) * step)
            write(sheet.image, words, line, PLAIN, ink)

    return paint


def gap_block(sheet: Sheet, rect: Rect) -> None:
    """Leave the block empty."""


def stack(sheet: Sheet, rect: Rect, blocks: Sequence[Block]) -> None:
    """Paint blocks from top to bottom, with heights proportional to their weights."""
    left, top, right, bottom = rect
    unit = (bottom - top) / sum(weight for weight, _ in blocks)
    for weight, paint in blocks:
        paint(sheet, (left, top, right, top + 0.86 * weight * unit))
        top += weight * unit


def usual_words(
    sheet: Sheet, rect: Rect, paper: RGB, *, emblem: bool = True, brand: bool = True
) -> None:
    """Write brand, line, kind, shade and size in a rectangle; fewer of them if it is wide."""
    pack = sheet.pack
    ink, accent = readable(pack.ink, paper), readable(pack.accent, paper)
    name = (
        (1.7, words_block(pack.brand.name, pack.brand.lettering, ink))
        if brand
        else (0.1, gap_block)
    )
    line = (1.5, words_block(pack.line, BOLD, accent))
    kind = (0.9, words_block(pack.kind, CAPS, ink))
    facts = (0.9, words_block("  ".join(filter(None, (pack.shade, pack.size))), PLAIN, ink))
    left, top, right, bottom = rect
    tallness = (bottom - top) / (right - left)
    if tallness < 0.45:
        blocks: list[Block] = [name, line, facts]
    elif tallness < 1.0:
        blocks = [name, (0.3, rule_block(accent)), line, kind, facts]
    else:
        motto = (0.6, words_block(pack.brand.motto, PLAIN, ink))
        blocks = [name, motto, (0.6, rule_block(accent)), line, kind, (0.7, gap_block), facts]
        blocks.append((1.0, _fine_print(mix(ink, paper, 0.25))))
    if emblem and tallness >= 0.7:
        blocks.insert(0, (1.6 + tallness, emblem_block(accent)))
    stack(sheet, rect, blocks)


def cover_with_pattern(sheet: Sheet, ink: RGB, step: float = 0.2) -> None:
    """Draw the pack's pattern; `step` is its period as a share of the sheet's unit."""
    print_pattern(sheet.image, sheet.pack.pattern, ink, step * sheet.unit, sheet.pack.seed)


def inset(rect: Rect, margin: float) -> Rect:
    """Return the rectangle reduced by a margin in pixels on each side."""
    left, top, right, bottom = rect
    return left + margin, top + margin, right - margin, bottom - margin
