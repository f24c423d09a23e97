"""`beautylens grid`: compare backbone x pooling x distance x local re-ranking, as the papers do."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import asdict
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import typer

from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.catalogue.write import sheet_row
from beautylens.cli.arguments import CatalogueTable, TruthTable, local_path
from beautylens.cli.console import console
from beautylens.cli.grid_runs import compare_parts, compare_systems
from beautylens.cli.grid_tables import (
    print_best,
    print_list,
)
from beautylens.cli.output import print_json
from beautylens.cli.progress import report_rows
from beautylens.errors import QueryError, TableError
from beautylens.evaluation.grid.grid import PAPER, Grid, Outcome, best_first, fastest_first
from beautylens.evaluation.grid.page import most_disputed, write_grid_page
from beautylens.evaluation.grid.parts import Parts
from beautylens.evaluation.metrics import MEASURES
from beautylens.evaluation.run import find_copies, refuse_leaks
from beautylens.features.encoder.encoder import Encoder
from beautylens.files.paths import as_path
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import ExpandByNameSettings
from beautylens.search.distances import SIMILARITIES
from beautylens.text.product_texts import product_texts
from beautylens.text.text_index import TextIndex

SHOWN = 6
POOLINGS = ("mac", "spoc", "rmac", "ramac")


class Order(StrEnum):
    """The order of the list of all systems."""

    SCORE = "score"
    TIME = "time"
    GRID = "grid"


class Measure(StrEnum):
    """The definition of mAP@7 in the table; the CSV has both."""

    CHALLENGE = "challenge"
    ALL = "all"


Encoders = Annotated[
    list[str] | None,
    typer.Option("--encoder", help="Encoder; may be repeated. Default: the default encoder."),
]
Poolings = Annotated[
    list[str] | None,
    typer.Option(
        "--pooling",
        help="Pooling, optionally with parameters such as gem:p=4, or `own` for the encoder's; "
        "may be repeated. "
        f"Default: {', '.join(POOLINGS)}.",
    ),
]
Distances = Annotated[
    list[str] | None,
    typer.Option(
        "--distance", help="Distance: cosine, l1 or l2; may be repeated. Default: all three."
    ),
]
Shown = Annotated[
    list[str] | None,
    typer.Option(
        help="File name of a query to show on the page; may be repeated. "
        f"Default: the {SHOWN} on which the systems differ most."
    ),
]


def grid(
    table: CatalogueTable,
    truth: TruthTable,
    encoder: Encoders = None,
    pooling: Poolings = None,
    distance: Distances = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Compare the encoders of a recipe one by one with all together, augmented and "
            "expanded, instead of --encoder, --pooling and --distance."
        ),
    ] = None,
    side: Annotated[
        int | None,
        typer.Option(min=32, max=2048, help="Input side in pixels. Default: that of each encoder."),
    ] = None,
    sift: Annotated[
        bool, typer.Option(help="Also re-rank the top 100 by SIFT matches (ratio test).")
    ] = True,
    views: Annotated[
        str,
        typer.Option(metavar="SHARES", help="Centre crops of the query, as shares: 1,0.75,0.5."),
    ] = "1",
    measure: Annotated[Measure, typer.Option(help="Definition of mAP@7 in the table.")] = (
        Measure.CHALLENGE
    ),
    sort: Annotated[
        Order | None,
        typer.Option(
            help="Also list all systems, one a row with interval, milliseconds and the shares of "
            "queries that re-ranking improves and impairs: by score, time, or as in the grid."
        ),
    ] = None,
    textual: Annotated[
        bool, typer.Option(help="Also print textual refinement with k = 1..6.")
    ] = True,
    out: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="Write all metrics as CSV.", callback=local_path
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write an HTML page with the top 7 of each system.",
            callback=local_path,
        ),
    ] = None,
    show: Shown = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per system on stdout.")
    ] = False,
    allow_leaks: Annotated[
        bool, typer.Option(help="Evaluate even if query photos are in the catalogue.")
    ] = False,
) -> None:
    """Compare encoders, poolings and distances; each network runs once per picture."""
    rows, catalogue = read_truth(truth), read_catalogue(table)
    report_rows(catalogue)
    if not any(row.product_ids for row in rows):
        raise TableError(f"{truth} has no product_ids in any row; label at least one photo")
    refuse_leaks([] if allow_leaks else find_copies(catalogue, rows), as_path(truth), len(rows))
    chosen = None if show is None else _row_indices(rows, show)
    if recipe is not None:
        if encoder or pooling or distance or side:
            raise QueryError("--recipe names encoders, poolings and distance; leave those out")
        make_grid = partial(Parts, catalogue, rows, views=_views(views))
        outcomes = compare_parts(read_recipe(recipe), make_grid)
        sort = sort or Order.GRID
    else:
        outcomes = compare_systems(
            {name: Encoder.load(name, side=side) for name in dict.fromkeys(encoder or ["default"])},
            list(dict.fromkeys(pooling or POOLINGS)),
            _distances(distance),
            partial(
                Grid,
                catalogue,
                rows,
                views=_views(views),
                local=PAPER if sift else None,
                similar=_similar_by_text(catalogue) if textual else None,
            ),
            measure.value,
        )
    if sort:
        print_list(_sorted(outcomes, sort, measure.value), measure.value)
    first = outcomes[0].system
    outcomes = best_first(outcomes, measure.value)
    print_best(outcomes[0], measure.value)
    if out:
        write_figures(out, outcomes)
    if as_json:
        for outcome in outcomes:
            print_json(figures_of(outcome))
    if report:
        shown = most_disputed(outcomes, SHOWN) if chosen is None else chosen
        page = write_grid_page(
            report,
            f"{as_path(table).stem} and {as_path(truth).name}",
            outcomes,
            shown,
            first.distance,
        )
        console.print(f"Page: {page}", soft_wrap=True)


def _sorted(outcomes: Sequence[Outcome], order: Order, measure: str) -> list[Outcome]:
    if order is Order.SCORE:
        return best_first(outcomes, measure)
    return fastest_first(outcomes) if order is Order.TIME else list(outcomes)


def write_figures(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write one CSV row per system, with both definitions of mAP@7 and their intervals."""
    lines = [figures_of(outcome) for outcome in outcomes]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(dict(zip(line, sheet_row(line.values()), strict=True)) for line in lines)


def figures_of(outcome: Outcome) -> dict[str, Any]:
    """Return a system and its metrics as JSON values."""
    system, score = outcome.system, outcome.summary.overall
    figures: dict[str, Any] = {**asdict(system), "queries": score.queries}
    figures["milliseconds"] = round(outcome.milliseconds, 1)
    change = outcome.change
    figures["improved"] = None if change is None else round(change.improved, 4)
    figures["impaired"] = None if change is None else round(change.impaired, 4)
    for name in MEASURES:
        low, high = score.intervals[name]
        figures |= {
            name: round(getattr(score, name), 4),
            f"{name}_low": round(low, 4),
            f"{name}_high": round(high, 4),
        }
    return figures


def _distances(wanted: Sequence[str] | None) -> list[str]:
    unknown = set(wanted or ()) - set(SIMILARITIES)
    if unknown:
        raise QueryError(
            f"unknown distance '{min(unknown)}'; choose from {', '.join(SIMILARITIES)}"
        )
    return list(dict.fromkeys(wanted or sorted(SIMILARITIES)))


def _views(text: str) -> tuple[float, ...]:
    try:
        views = tuple(float(part) for part in text.split(","))
    except ValueError:
        views = (0.0,)
    if not all(0 < view <= 1 for view in views):
        raise QueryError(f"--views {text}: give shares above 0 and up to 1, such as 1,0.75,0.5")
    return views


def _row_indices(rows: Sequence[TruthRow], names: Sequence[str]) -> list[int]:
    """Return the indices of the queries with these file names."""
    by_name = {row.image.name: index for index, row in enumerate(rows)}
    missing = next((name for name in names if name not in by_name), None)
    if missing is not None:
        raise QueryError(
            f"--show {missing}: no query has this file name; an example is {rows[0].image.name}"
        )
    return [by_name[name] for name in names]


def _similar_by_text(catalogue: Catalogue) -> Callable[[str], Sequence[str]] | None:
    """Return a function from a product to those with similar text; None without any text."""
    texts = product_texts(catalogue.rows)
    if not any(texts.values()):
        return None
    index = TextIndex.fit(list(texts), list(texts.values()))
    settings = ExpandByNameSettings()

    @cache
    def similar(product: str) -> list[str]:
        (found,) = index.similar([product], settings.listed, settings.minimum)
        return [other for other, _ in found]

    return similar
