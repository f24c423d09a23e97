"""The papers' picture tables: what each backbone and pooling returns for chosen queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beautylens.evaluation.grid.grid import Outcome, System
from beautylens.evaluation.metrics import QueryResult, places
from beautylens.evaluation.page_assets import PageAssets, Thumbnail, render, write_page
from beautylens.files.paths import as_path

PLACES = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """One of the seven places of a strip."""

    picture: Thumbnail
    name: str
    right: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """What one system returned for one query; without a truth it has no average precision."""

    system: System
    precision: float | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One query and what each system returned for it."""

    name: str
    picture: Thumbnail
    strips: tuple[Strip, ...]


def write_grid_page(
    folder: Path,
    title: str,
    outcomes: Sequence[Outcome],
    queries: Sequence[int],
    distance: str | None = None,
) -> Path:
    """Write `index.html` and its thumbnails into a folder, and return the page.

    Args:
        folder: made where it does not exist.
        title: the heading of the page.
        outcomes: of all systems, over the same queries, in the order of the table.
        queries: which of them to show, by their place.
        distance: the one by which the products are shown; the first outcome's by default.

    Raises:
        BeautylensError: when the folder cannot be written.
    """
    distance = distance or outcomes[0].system.distance
    shown = [outcome for outcome in outcomes if outcome.system.distance == distance]
    shown.sort(key=lambda outcome: outcome.system.encoder)

    def draw(album: PageAssets) -> str:
        blocks = [_block(shown, number, album) for number in queries]
        return render(
            "grid/grid.html.jinja", title=title, outcomes=outcomes, distance=distance, blocks=blocks
        )

    return write_page(folder, draw)


def most_disputed(outcomes: Sequence[Outcome], count: int) -> list[int]:
    """Return the places of the queries on which systems differ most, most disputed first."""
    if not outcomes:
        return []
    precisions = np.array(
        [[row.average_precision("challenge") or 0.0 for row in o.results] for o in outcomes]
    )
    has_truth = np.array([bool(row.truths) for row in outcomes[0].results])
    spread = np.where(has_truth, precisions.std(axis=0), -1)
    return [int(index) for index in np.argsort(-spread, kind="stable")[:count] if has_truth[index]]


def _block(outcomes: Sequence[Outcome], number: int, album: PageAssets) -> Block:
    image = outcomes[0].results[number].image
    strips = tuple(_strip(outcome.system, outcome.results[number], album) for outcome in outcomes)
    return Block(image.name, album.add(image, f"query photo {image.name}"), strips)


def _strip(system: System, result: QueryResult, album: PageAssets) -> Strip:
    counted = set(places(result.ranking, result.truths, result.ignore)[:PLACES])
    cells = [
        Cell(
            album.add(as_path(match.image), match.product.name or match.product.product_id),
            match.product.name or match.product.product_id,
            match.product.product_id in result.truths,
        )
        for match in result.matches or ()
        if match.product.product_id in counted
    ]
    return Strip(system, result.average_precision("challenge"), tuple(cells[:PLACES]))
