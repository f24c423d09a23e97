"""A page that shows how a collection did on known photos, its failures first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beautylens.evaluation.metrics import (
    QueryResult,
    Summary,
    ranked_products,
)
from beautylens.evaluation.page_assets import PageAssets, Thumbnail, render, write_page
from beautylens.evaluation.verdicts import Verdicts
from beautylens.files.paths import AnyPath
from beautylens.results import Match, Matches

RANKS = 7
MISSED_SHOWN = 2

State = Literal["right", "ignored", "other"]
Tone = Literal["good", "bad", "neutral"]
PictureOf = Callable[[str], AnyPath | None]

FIGURES = {
    "map7_all": "mAP@7, all",
    "map7_challenge": "mAP@7, challenge",
    "recall1": "Recall@1",
    "recall7": "Recall@7",
    "mrr": "MRR",
}
SECTIONS = {
    "wrong": (
        "Wrong matches",
        "The verdict is match, and the first product is not a right one; the most probable first.",
    ),
    "missed": ("Missed", "No right product among the first seven."),
    "partly": ("Partly right", "A right product stands too low, or another one is missing."),
    "right": ("Right", "Every right product stands before all others."),
    "absent": (
        "Not in this catalogue: what was returned",
        "The catalogue or the search holds no right product for these; the best answer says so.",
    ),
}


@dataclass(frozen=True, slots=True)
class Card:
    """One returned product; an ignored one has no rank."""

    rank: int | None
    state: State
    match: Match
    picture: Thumbnail


@dataclass(frozen=True, slots=True)
class Missed:
    """A right product that is not among the first seven, or was left out of the search."""

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


def write_report(
    folder: Path,
    title: str,
    summary: Summary,
    results: Sequence[QueryResult],
    verdicts: Verdicts | None = None,
    *,
    picture: PictureOf,
    truth_pictures: Mapping[str, AnyPath] | None = None,
) -> Path:
    """Write `index.html` and its thumbnails into `folder`, and return the page.

    The page needs no script, network or server, so that it can be sent to somebody or kept.

    Args:
        folder: made where it does not exist.
        title: the heading of the page.
        summary: of these results.
        results: one a query, in any order.
        verdicts: of these results, where probabilities were given.
        picture: from `Match.image` to the file of that picture, None where there is none.
        truth_pictures: from a product id to a picture, which shows the right answer that a query
            missed.

    Raises:
        BeautylensError: when the folder cannot be written.
    """

    def draw(assets: PageAssets) -> str:
        rows = [_row(result, assets, picture, truth_pictures or {}) for result in results]
        return render(
            "report.html.jinja", title=title, summary=summary, queries=len(rows),
            left_out=sum(bool(result.left_out) for result in results),
            sections=_sections(rows), figures=FIGURES, headings=SECTIONS,
            verdicts=verdicts,
        )  # fmt: skip

    return write_page(folder, draw)


def _sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The queries of each section that has any, the lowest average precision first."""
    sections: dict[str, list[Row]] = {anchor: [] for anchor in SECTIONS}
    for row in sorted(rows, key=lambda row: (row.ap_all or 0.0, row.result.image.name)):
        sections[_section(row)].append(row)
    sections["wrong"].sort(key=lambda row: -_probability(row.result))
    return {anchor: group for anchor, group in sections.items() if group}


def _probability(result: QueryResult) -> float:
    return (result.matches.probability if result.matches is not None else None) or 0.0


def _section(row: Row) -> str:
    if row.tone == "bad" and row.result.matches and row.result.matches.verdict == "match":
        return "wrong"
    if row.ap_all is None:
        return "absent"
    if row.ap_all == 0:
        return "missed"
    return "right" if row.ap_all == 1 else "partly"


def _row(
    result: QueryResult,
    assets: PageAssets,
    picture: PictureOf,
    truth_pictures: Mapping[str, AnyPath],
) -> Row:
    cards = _cards(result, assets, picture)
    shown = {card.match.product.product_id for card in cards}
    missing = (result.truths | result.left_out) - shown
    # An answer that can be seen tells more than one that is only named.
    missed = sorted(missing, key=lambda truth: (truth not in truth_pictures, truth))
    return Row(
        result=result,
        picture=assets.add(result.image, f"query photo {result.image.name}"),
        ap_all=result.average_precision("all"),
        ap_challenge=result.average_precision("challenge"),
        tone=_tone(result, cards),
        cards=cards,
        missed=tuple(_missed(t, truth_pictures.get(t), assets) for t in missed[:MISSED_SHOWN]),
        missed_more=len(missed[MISSED_SHOWN:]),
    )


def _missed(truth: str, picture: AnyPath | None, assets: PageAssets) -> Missed:
    thumbnail = None if picture is None else assets.add(picture, f"right answer {truth}")
    return Missed(truth, thumbnail)


def _cards(result: QueryResult, assets: PageAssets, picture: PictureOf) -> tuple[Card, ...]:
    """The first seven products, with the ignored ones that stand between them."""
    counted = ranked_products(result.ranking, result.truths, result.ignore)[:RANKS]
    rank_of = {product: rank for rank, product in enumerate(counted, 1)}
    cards: list[Card] = []
    for match in (result.matches or Matches()).products():
        rank = rank_of.get(match.product.product_id)
        cards.append(_card(match, rank, result.truths, assets, picture))
        if rank == RANKS:
            break
    return tuple(cards)


def _card(
    match: Match, rank: int | None, truths: frozenset[str], assets: PageAssets, picture: PictureOf
) -> Card:
    product = match.product
    state: State = "ignored" if rank is None else "other"
    if product.product_id in truths:
        state = "right"
    thumbnail = assets.add(picture(match.image), product.name or product.product_id)
    return Card(rank, state, match, thumbnail)


def _tone(result: QueryResult, cards: Sequence[Card]) -> Tone:
    """Whether the verdict was right; an ignored product in front leaves that open."""
    verdict = None if result.matches is None else result.matches.verdict
    if verdict == "not_in_catalogue":
        return "bad" if result.truths else "good"
    front = cards[0].state if cards else "other"
    if verdict != "match" or front == "ignored":
        return "neutral"
    return "good" if front == "right" else "bad"
