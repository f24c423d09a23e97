"""HTML page of the grid: metrics, and the first products of each backbone and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beautylens.evaluation.grid.grid import Outcome, System
from beautylens.evaluation.metrics import QueryResult, ranked_products
from beautylens.evaluation.page_assets import PageAssets, Thumbnail, render, write_page
from beautylens.files.paths import as_path

# Products shown for each system and query.
TOP = 7


@dataclass(frozen=True, slots=True)
class Cell:
    """A product in a strip; `right` if it is relevant."""

    picture: Thumbnail
    name: str
    right: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The first products of a system for a query; AP@7 is None if no product is relevant."""

    system: System
    precision: float | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A query with the strips of all systems."""

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
    """Write `index.html` and its thumbnails into a folder, and return the path of the page.

    Args:
        folder: created if it does not exist.
        title: title of the page.
        outcomes: results of all systems on the same queries, in the order of the table.
        queries: indices of the queries to show.
        distance: distance whose products are shown; that of the first outcome by default.

    Raises:
        BeautylensError: when the folder cannot be written.
    """
    distance = distance or outcomes[0].system.distance
    shown = [outcome for outcome in outcomes if outcome.system.distance == distance]
    shown.sort(key=lambda outcome: outcome.system.encoder)

    def html(assets: PageAssets) -> str:
        blocks = [_block(shown, index, assets) for index in queries]
        return render(
            "grid/grid.html.jinja", title=title, outcomes=outcomes, distance=distance, blocks=blocks
        )

    return write_page(folder, html)


def most_disputed(outcomes: Sequence[Outcome], count: int) -> list[int]:
    """Return the indices of the queries with the largest spread of AP@7 between systems, first."""
    if not outcomes:
        return []
    precisions = np.array(
        [[row.average_precision("challenge") or 0.0 for row in o.results] for o in outcomes]
    )
    has_truth = np.array([bool(row.truths) for row in outcomes[0].results])
    spread = np.where(has_truth, precisions.std(axis=0), -1)
    return [int(index) for index in np.argsort(-spread, kind="stable")[:count] if has_truth[index]]


def _block(outcomes: Sequence[Outcome], index: int, assets: PageAssets) -> Block:
    image = outcomes[0].results[index].image
    strips = tuple(_strip(outcome.system, outcome.results[index], assets) for outcome in outcomes)
    return Block(image.name, assets.add(image, f"query photo {image.name}"), strips)


def _strip(system: System, result: QueryResult, assets: PageAssets) -> Strip:
    counted = set(ranked_products(result.ranking, result.truths, result.ignore)[:TOP])
    cells = [
        Cell(
            assets.add(as_path(match.image), match.product.name or match.product.product_id),
            match.product.name or match.product.product_id,
            match.product.product_id in result.truths,
        )
        for match in result.matches or ()
        if match.product.product_id in counted
    ]
    return Strip(system, result.average_precision("challenge"), tuple(cells[:TOP]))
