"""HTML report of an evaluation: metrics, and the matches of each query, failures first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from beautylens.evaluation.metrics import QueryResult, Summary, ranked_products
from beautylens.evaluation.page_assets import PageAssets, Thumbnail, render, write_page
from beautylens.evaluation.verdicts import Verdicts
from beautylens.files.paths import AnyPath
from beautylens.results import Match, Matches

# Products shown for each query.
RANKS = 7
# Missed products shown for each query.
MISSED_SHOWN = 2

State = Literal["right", "ignored", "other"]
Tone = Literal["good", "bad", "neutral"]
PictureOf = Callable[[str], AnyPath | None]

# Headings of the metrics.
FIGURES = {
    "map7_all": "mAP@7, all",
    "map7_challenge": "mAP@7, challenge",
    "recall1": "Recall@1",
    "recall7": "Recall@7",
    "mrr": "MRR",
}
# Headings of the sections and what is in them.
SECTIONS = {
    "wrong": (
        "Wrong matches",
        "The verdict is match, but the first product is wrong. Highest probability first.",
    ),
    "missed": ("Missed", "No right product among the first seven."),
    "partly": (
        "Partly right",
        "A wrong product ranks above a right one, or a right one is missing.",
    ),
    "right": ("Right", "All right products rank first."),
    "absent": (
        "Not in the catalogue",
        "No right product is in the catalogue, or all were left out of the search.",
    ),
}


@dataclass(frozen=True, slots=True)
class Card:
    """A returned product; an ignored one has no rank."""

    rank: int | None
    state: State
    match: Match
    picture: Thumbnail


@dataclass(frozen=True, slots=True)
class Missed:
    """A right product that is not among the first seven, or was left out."""

    product_id: str
    picture: Thumbnail | None


@dataclass(frozen=True, slots=True)
class Row:
    """A query; its average precision is None if no product is right."""

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
    """Write `index.html` and its thumbnails into a folder, and return the path of the page.

    The page needs no script, network or server.

    Args:
        folder: created if it does not exist.
        title: title of the page.
        summary: retrieval metrics of the results.
        results: one per query, in any order.
        verdicts: metrics of the verdicts, if the recipe has a judge.
        picture: returns the file of a `Match.image`; None if there is none.
        truth_pictures: pictures of right products that were missed, by product id.

    Raises:
        BeautylensError: when the folder cannot be written.
    """

    def html(assets: PageAssets) -> str:
        rows = [_row(result, assets, picture, truth_pictures or {}) for result in results]
        return render(
            "report.html.jinja",
            title=title,
            summary=summary,
            verdicts=verdicts,
            queries=len(rows),
            left_out=sum(bool(result.left_out) for result in results),
            sections=_sections(rows),
            figures=FIGURES,
            headings=SECTIONS,
        )

    return write_page(folder, html)


def _sections(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the queries of each section that has any, lowest average precision first."""
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
    # Products with a picture first.
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
    """Return the first seven products, and the ignored ones between them."""
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
    """Return whether the verdict was right; `neutral` if unsure or about an ignored product."""
    verdict = None if result.matches is None else result.matches.verdict
    if verdict == "not_in_catalogue":
        return "bad" if result.truths else "good"
    front = cards[0].state if cards else "other"
    if verdict != "match" or front == "ignored":
        return "neutral"
    return "good" if front == "right" else "bad"
