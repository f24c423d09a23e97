"""A page that shows how a collection did on known photos, its failures first."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image, ImageDraw

from beautylens.errors import BeautylensError, ImageError
from beautylens.evaluate.metrics import (
    Denominator,
    QueryResult,
    Summary,
    average_precision,
    places,
)
from beautylens.images.decode import decode
from beautylens.images.fit import shrink
from beautylens.records import Match, Matches

PLACES = 7
MISSED_SHOWN = 2
THUMBNAIL_SIDE = 220
"""Longest side of a thumbnail in pixels."""

State = Literal["right", "ignored", "other"]
Tone = Literal["good", "bad", "neutral"]
PictureOf = Callable[[str], Path | None]

FIGURES = {
    "map7_all": "mAP@7, all",
    "map7_challenge": "mAP@7, challenge",
    "recall1": "Recall@1",
    "recall7": "Recall@7",
    "mrr": "MRR",
}
SECTIONS = {
    "missed": ("Missed", "No right product in the first seven places."),
    "partly": ("Partly right", "A right product stands too low, or another one is missing."),
    "right": ("Right", "Every right product stands before all others."),
    "absent": (
        "Not in this catalogue: what was returned",
        "The catalogue holds no right product for these photos; the best answer says so.",
    ),
}


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of the page: its relative address and the text that stands for it."""

    address: str
    alt: str


@dataclass(frozen=True, slots=True)
class Card:
    """One returned product; an ignored one has no place."""

    place: int | None
    state: State
    match: Match
    picture: Thumbnail


@dataclass(frozen=True, slots=True)
class Missed:
    """A right product that is not in the first seven places."""

    product_id: str
    picture: Thumbnail | None


@dataclass(frozen=True, slots=True)
class Row:
    """One query as the page shows it; without a truth it has no average precision."""

    result: QueryResult
    picture: Thumbnail
    ap_all: float | None
    ap_challenge: float | None
    tone: Tone
    cards: tuple[Card, ...]
    missed: tuple[Missed, ...]
    missed_more: int


class Album:
    """The thumbnails of one page: each picture is written once, however often it is shown."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`, which stands beside the page."""
        self._folder = folder
        self._addresses: dict[Path, str | None] = {}
        self._placeholder = self._write(_placeholder())

    def add(self, picture: Path | None, alt: str) -> Thumbnail:
        """Return the thumbnail of `picture`, a grey placeholder where it cannot be read."""
        if picture is None or (address := self._address(picture)) is None:
            return Thumbnail(self._placeholder, f"No readable picture: {alt}")
        return Thumbnail(address, alt)

    def _address(self, picture: Path) -> str | None:
        if picture not in self._addresses:
            thumbnail = _thumbnail(picture)
            self._addresses[picture] = None if thumbnail is None else self._write(thumbnail)
        return self._addresses[picture]

    def _write(self, picture: Image.Image) -> str:
        encoded = io.BytesIO()
        picture.save(encoded, "JPEG", quality=88)
        name = f"{hashlib.sha256(encoded.getvalue()).hexdigest()[:20]}.jpg"
        (self._folder / name).write_bytes(encoded.getvalue())
        return f"{self._folder.name}/{name}"


def write_report(
    folder: Path,
    title: str,
    summary: Summary,
    results: Sequence[QueryResult],
    *,
    picture: PictureOf,
    truth_pictures: Mapping[str, Path] | None = None,
) -> Path:
    """Write `index.html` and its thumbnails into `folder`, and return the page.

    The page needs no script, network or server, so that it can be sent to somebody or kept.

    Args:
        folder: made where it does not exist.
        title: the heading of the page.
        summary: of these results.
        results: one a query, in any order.
        picture: from `Match.image` to the file of that picture, None where there is none.
        truth_pictures: from a product id to a picture, which shows the right answer that a query
            missed.

    Raises:
        BeautylensError: when the folder cannot be written.
    """
    page = folder / "index.html"
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        album = Album(folder / "pictures")
        rows = [_row(result, album, picture, truth_pictures or {}) for result in results]
        html = _render(title=title, summary=summary, queries=len(rows), sections=_sections(rows))
        # A file name may hold bytes that are no text in any encoding.
        page.write_text(html, encoding="utf-8", errors="replace")
    except OSError as error:
        raise BeautylensError(
            f"{folder}: the report cannot be written here ({error.strerror or error}); "
            "name a folder that can be written"
        ) from error
    return page


def _render(**content: object) -> str:
    environment = Environment(
        loader=PackageLoader("beautylens", "evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["decimals"] = _decimals
    template = environment.get_template("report.html.jinja")
    return template.render(content, figures=FIGURES, headings=SECTIONS)


def _sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The queries of each section that has any, the lowest average precision first."""
    sections: dict[str, list[Row]] = {anchor: [] for anchor in SECTIONS}
    for row in sorted(rows, key=lambda row: (row.ap_all or 0.0, row.result.image.name)):
        sections[_section(row)].append(row)
    return {anchor: group for anchor, group in sections.items() if group}


def _section(row: Row) -> str:
    if row.ap_all is None:
        return "absent"
    if row.ap_all == 0:
        return "missed"
    return "right" if row.ap_all == 1 else "partly"


def _row(
    result: QueryResult, album: Album, picture: PictureOf, truth_pictures: Mapping[str, Path]
) -> Row:
    cards = _cards(result, album, picture)
    missing = result.truths - {card.match.product.product_id for card in cards}
    # An answer that can be seen tells more than one that is only named.
    missed = sorted(missing, key=lambda truth: (truth not in truth_pictures, truth))
    return Row(
        result=result,
        picture=album.add(result.image, f"query photo {result.image.name}"),
        ap_all=_average_precision(result, "all"),
        ap_challenge=_average_precision(result, "challenge"),
        tone=_tone(result, cards),
        cards=cards,
        missed=tuple(_missed(t, truth_pictures.get(t), album) for t in missed[:MISSED_SHOWN]),
        missed_more=len(missed[MISSED_SHOWN:]),
    )


def _missed(truth: str, picture: Path | None, album: Album) -> Missed:
    thumbnail = None if picture is None else album.add(picture, f"right answer {truth}")
    return Missed(truth, thumbnail)


def _cards(result: QueryResult, album: Album, picture: PictureOf) -> tuple[Card, ...]:
    """The products down to the seventh place, with the ignored ones that stand between them."""
    counted = places(result.ranking, result.truths, result.ignore)[:PLACES]
    place_of = {product: place for place, product in enumerate(counted, 1)}
    cards: list[Card] = []
    for match in (result.matches or Matches()).products():
        place = place_of.get(match.product.product_id)
        cards.append(_card(match, place, result.truths, album, picture))
        if place == PLACES:
            break
    return tuple(cards)


def _card(
    match: Match, place: int | None, truths: frozenset[str], album: Album, picture: PictureOf
) -> Card:
    product = match.product
    state: State = "ignored" if place is None else "other"
    if product.product_id in truths:
        state = "right"
    thumbnail = album.add(picture(match.image), product.name or product.product_id)
    return Card(place, state, match, thumbnail)


def _average_precision(result: QueryResult, denominator: Denominator) -> float | None:
    if not result.truths:
        return None
    return average_precision(
        result.ranking, result.truths, ignore=result.ignore, denominator=denominator
    )


def _tone(result: QueryResult, cards: Sequence[Card]) -> Tone:
    """Whether the verdict was right; an ignored product in front leaves that open."""
    verdict = None if result.matches is None else result.matches.verdict
    if verdict == "not_in_catalogue":
        return "bad" if result.truths else "good"
    front = cards[0].state if cards else "other"
    if verdict != "match" or front == "ignored":
        return "neutral"
    return "good" if front == "right" else "bad"


def _decimals(value: float | None) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.3f}"


def _thumbnail(picture: Path) -> Image.Image | None:
    """The picture small; None where it cannot be read."""
    try:
        pixels = decode(picture, least_side=2 * THUMBNAIL_SIDE)
    except ImageError:
        return None
    return Image.fromarray(shrink(pixels, THUMBNAIL_SIDE)[0])


def _placeholder() -> Image.Image:
    """A grey card with a crossed-out picture frame, drawn twice as large for smooth edges."""
    side, ink = 2 * THUMBNAIL_SIDE, "#8a8f94"
    card = Image.new("RGB", (side, side), "#d9dcdf")
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((110, 130, 330, 310), 18, outline=ink, width=12)
    draw.ellipse((150, 165, 190, 205), fill=ink)
    draw.polygon([(134, 286), (205, 215), (240, 250), (275, 205), (306, 286)], fill=ink)
    draw.line((110, 340, 330, 100), fill="#d9dcdf", width=34)
    draw.line((110, 340, 330, 100), fill=ink, width=12)
    return card.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
