"""Layouts of a label: arrangement of colour, pattern, emblem and text."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image, ImageDraw

from beautylens.sample.colour import RGB, luma, mix, readable
from beautylens.sample.lettering import BOLD, PLAIN, write, write_upright
from beautylens.sample.sheet import (
    Sheet,
    cover_with_pattern,
    emblem_block,
    inset,
    stack,
    usual_words,
    words_block,
)

Layout = Callable[[Sheet], None]


def _centred(sheet: Sheet) -> None:
    usual_words(sheet, sheet.safe, sheet.pack.paper)


def _framed(sheet: Sheet) -> None:
    ink = readable(sheet.pack.ink, sheet.pack.paper)
    sheet.draw.rectangle(sheet.safe, outline=ink, width=5)
    inner = inset(sheet.safe, sheet.unit * 0.035)
    sheet.draw.rectangle(inner, outline=ink, width=2)
    usual_words(sheet, inset(inner, sheet.unit * 0.06), sheet.pack.paper)


def _banded(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    band = top + (bottom - top) * 0.26
    sheet.draw.rectangle((0, 0, sheet.image.width, band), fill=pack.accent)
    sheet.draw.rectangle((0, band + 8, sheet.image.width, band + 14), fill=pack.accent)
    name = (left, top, right, band - sheet.unit * 0.04)
    write(
        sheet.image, pack.brand.name, name, pack.brand.lettering, readable(pack.paper, pack.accent)
    )
    usual_words(sheet, (left, band + sheet.unit * 0.1, right, bottom), pack.paper, brand=False)


def _poster(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    width, height = right - left, bottom - top
    word = pack.line.split()[0]
    if height > width:
        write_upright(
            sheet.image,
            word,
            (left, top, left + width * 0.5, bottom),
            BOLD,
            mix(pack.accent, pack.paper, 0.1),
        )
        usual_words(sheet, (left + width * 0.54, top, right, bottom), pack.paper)
    else:
        write(sheet.image, word, (left, top, right, top + height * 0.5), BOLD, pack.accent)
        usual_words(sheet, (left, top + height * 0.52, right, bottom), pack.paper)


def _split(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    edge = top + (bottom - top) * 0.4
    lean = sheet.image.width * 0.12
    width = sheet.image.width
    tinted = Sheet(Image.new("RGB", sheet.image.size, pack.accent), pack, sheet.safe)
    cover_with_pattern(tinted, mix(pack.accent, pack.paper, 0.45))
    mask = Image.new("L", sheet.image.size, 0)
    ImageDraw.Draw(mask).polygon([(0, 0), (width, 0), (width, edge - lean), (0, edge + lean)], 255)
    sheet.image.paste(tinted.image, (0, 0), mask)
    side = (edge - top) * 0.62
    middle = (left + right) / 2
    mark = (middle - side / 2, top, middle + side / 2, top + side)
    emblem_block(readable(pack.paper, pack.accent))(sheet, mark)
    usual_words(sheet, (left, edge + lean * 0.8, right, bottom), pack.paper, emblem=False)


def _plate_paper(paper: RGB) -> RGB:
    """Return the colour of a plate on the paper: lighter on light packs, darker on dark ones."""
    if luma(paper) > 110:
        return mix(paper, (255, 255, 255), 0.7)
    return mix(paper, (0, 0, 0), 0.35)


def _plate(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    cover_with_pattern(sheet, mix(pack.accent, pack.paper, 0.2))
    height = bottom - top
    plate = (left, top + height * 0.16, right, bottom - height * 0.12)
    paper = _plate_paper(pack.paper)
    radius = sheet.unit * 0.08
    sheet.draw.rounded_rectangle(plate, radius, fill=paper, outline=pack.accent, width=4)
    usual_words(sheet, inset(plate, sheet.unit * 0.07), paper)


def _arched(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    width, height = right - left, bottom - top
    reach = min(width * 0.46, height * 0.4)
    middle = (left + right) / 2
    base = top + min(height * 0.5, 2 * reach)
    for ring in range(4):
        r = reach * (1 - 0.2 * ring)
        tone = mix(pack.accent, pack.paper, (0.0, 0.55, 0.25, 0.8)[ring])
        sheet.draw.pieslice((middle - r, base - r, middle + r, base + r), 180, 360, fill=tone)
    usual_words(sheet, (left, base + height * 0.03, right, bottom), pack.paper, emblem=False)


def _sidebar(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    bar = left + (right - left) * 0.3
    sheet.draw.rectangle((0, 0, bar, sheet.image.height), fill=pack.accent)
    write_upright(
        sheet.image,
        pack.brand.name,
        (left, top, bar - sheet.unit * 0.04, bottom),
        pack.brand.lettering,
        readable(pack.paper, pack.accent),
    )
    usual_words(sheet, (bar + sheet.unit * 0.06, top, right, bottom), pack.paper, brand=False)


def _medallion(sheet: Sheet) -> None:
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    cover_with_pattern(sheet, mix(pack.paper, pack.accent, 0.35), 0.26)
    middle = (left + right) / 2
    centre = (top + bottom) / 2
    reach = sheet.unit * 0.52
    tall = min(reach * 1.4, (bottom - top) / 2)
    paper = _plate_paper(pack.paper)
    disc = (middle - reach, centre - tall, middle + reach, centre + tall)
    sheet.draw.ellipse(disc, fill=paper, outline=pack.accent, width=6)
    usual_words(sheet, inset(disc, reach * 0.27), paper)


def _column(sheet: Sheet) -> None:
    """Layout of slender packs: the brand along the pack, shade and size at the foot."""
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    foot = bottom - (bottom - top) * 0.2
    ink = readable(pack.ink, pack.paper)
    write_upright(
        sheet.image,
        f"{pack.brand.name}  {pack.line}",
        (left, top, right, foot),
        pack.brand.lettering,
        ink,
    )
    facts = (left, foot + 4, right, bottom)
    stack(
        sheet,
        facts,
        [(1, words_block(pack.shade, BOLD, ink)), (1, words_block(pack.size, PLAIN, ink))],
    )


def _mark(sheet: Sheet) -> None:
    """Layout of small lids: the emblem above the brand."""
    ink = readable(sheet.pack.ink, sheet.pack.paper)
    brand = words_block(sheet.pack.brand.name, sheet.pack.brand.lettering, ink)
    stack(sheet, sheet.safe, [(2.0, emblem_block(ink)), (1.0, brand)])


def _strip(sheet: Sheet) -> None:
    """Layout of narrow strips: the brand on the left, line and shade on the right."""
    pack = sheet.pack
    left, top, right, bottom = sheet.safe
    middle = left + (right - left) * 0.45
    ink = readable(sheet.pack.ink, sheet.pack.paper)
    write(sheet.image, pack.brand.name, (left, top, middle - 8, bottom), pack.brand.lettering, ink)
    words = f"{pack.line}  {pack.shade or pack.size}"
    write(
        sheet.image,
        words,
        (middle + 8, top, right, bottom),
        BOLD,
        readable(pack.accent, pack.paper),
    )


def _pressed(sheet: Sheet) -> None:
    """Layout of pressed powder: the emblem in a darker tone."""
    pack = sheet.pack
    cover_with_pattern(sheet, mix(pack.paper, (0, 0, 0), 0.06), 0.16)
    left, top, right, bottom = sheet.safe
    inset = (right - left) * 0.26
    middle = (left + inset, top + inset, right - inset, bottom - inset)
    emblem_block(mix(pack.paper, (0, 0, 0), 0.2))(sheet, middle)


LAYOUTS: dict[str, Layout] = {
    "arched": _arched,
    "banded": _banded,
    "centred": _centred,
    "column": _column,
    "framed": _framed,
    "mark": _mark,
    "medallion": _medallion,
    "plate": _plate,
    "poster": _poster,
    "pressed": _pressed,
    "sidebar": _sidebar,
    "split": _split,
    "strip": _strip,
}
