"""`beautylens tune`: the best recipe for a catalogue within a time a query."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.cli.arguments import CatalogueTable, TruthTable, written_here
from beautylens.cli.console import console, warn
from beautylens.cli.progress import count_bar, progress_bar, report_rows
from beautylens.errors import MissingExtraError
from beautylens.evaluation.run import find_copies, refuse_leaks
from beautylens.evaluation.tune.axes import changes_evidence, in_words
from beautylens.evaluation.tune.files import draw_curve, summary_of, write_recipe, write_tried
from beautylens.evaluation.tune.photos import FEWEST
from beautylens.evaluation.tune.search import Figures, Tried, front
from beautylens.evaluation.tune.tune import Tuned, Tuning
from beautylens.files.paths import as_path
from beautylens.recipe.recipe import read_recipe


def tune(
    table: CatalogueTable,
    truth: TruthTable,
    folder: Annotated[
        Path,
        typer.Argument(
            help="Where the recipe, the figures and the curve go.", callback=written_here
        ),
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", help="Another encoder to try; may be repeated."),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="A shipped recipe or a .toml file to start from.")
    ] = "default",
    budget: Annotated[
        float | None,
        typer.Option(
            min=1, metavar="MS", help="Milliseconds that a query may take; any if left out."
        ),
    ] = None,
    allow_leaks: Annotated[
        bool, typer.Option(help="Tune even if queries are in the catalogue.")
    ] = False,
) -> None:
    """Find the recipe that finds most labelled photos' products within a time a query."""
    began = time.perf_counter()
    rows, catalogue = read_truth(truth), read_catalogue(table)
    report_rows(catalogue)
    refuse_leaks([] if allow_leaks else find_copies(catalogue, rows), as_path(truth), len(rows))
    tuning = Tuning(catalogue, rows, folder, read_recipe(recipe), encoder or (), budget)
    _say_what_is_used(tuning)
    with count_bar("Describing") as bar:
        bar.total(tuning.pictures)
        tuning.describe(bar.step)
    with progress_bar("Indexing") as show:
        tuning.build(show)
    with count_bar("Trying") as bar:
        bar.total(tuning.most)
        tuning.search(bar.step)
    with count_bar("Reporting") as bar:
        bar.total(2)
        tuned = tuning.report(bar.step)
    _say_what_was_unreadable(tuning)
    _write(tuned, tuning, folder)
    _print_front(tuned)
    _say_how_good(tuned, recipe, time.perf_counter() - began)
    best_file = folder / "best.toml"
    command = f"beautylens index {shlex.quote(table)} tuned.lens --recipe "
    console.print(f"Next: {command}{shlex.quote(str(best_file))}", soft_wrap=True)
    if tuned.chosen.recipe.has_judge and changes_evidence(tuned.chosen.recipe, tuned.start.recipe):
        console.print(
            "How sure to be was learnt from other evidence than this recipe gathers. Then run: "
            f"beautylens evaluate tuned.lens {shlex.quote(truth)} --calibrate",
            soft_wrap=True,
        )


def _say_what_is_used(tuning: Tuning) -> None:
    photos = tuning.photos
    if photos.absent:
        console.print(
            f"{photos.absent} photos show nothing of the catalogue and are not tuned on, for mAP@7 "
            "says nothing of them: `beautylens evaluate` on the tuned collection tells how many it "
            "calls not in the catalogue."
        )
    if photos.left_out:
        console.print(
            f"{photos.left_out} rows of the truth name no product of the catalogue and "
            "were left out."
        )
    if len(tuning.catalogue) < tuning.whole:
        console.print(
            f"Tuning searches {len(tuning.catalogue):,} of {tuning.whole:,} pictures, those of the "
            "photos' products among them: on all of them mAP@7 is lower and a query slower."
        )


def _say_what_was_unreadable(tuning: Tuning) -> None:
    if failed := tuning.failures():
        console.print(f"{failed} catalogue pictures could not be read and were left out.")
    if tuning.unreadable:
        console.print(f"{tuning.unreadable} photos could not be read and count as not found.")


def _write(tuned: Tuned, tuning: Tuning, folder: Path) -> None:
    write_recipe(folder / "best.toml", tuning.written(tuned.chosen.recipe), summary_of(tuned))
    write_tried(folder / "tried.csv", tuned)
    written = ["best.toml", "tried.csv"]
    try:
        draw_curve(folder / "curve.png", tuned)
        written.append("curve.png")
    except MissingExtraError as missing:
        warn("No curve is drawn:", f" {missing}")
    console.print(f"Written to {folder}: {', '.join(written)}.", soft_wrap=True)


def _print_front(tuned: Tuned) -> None:
    """Print the recipes than which no other is both as good and as fast."""
    title = f"The best of {len(tuned.tried)} recipes at each speed"
    table = Table(title=title, title_justify="left")
    for name in ("ms", "mAP@7", "interval"):
        table.add_column(name, justify="right")
    table.add_column("recipe")
    for tried in _shown(tuned):
        low, high = tried.figures.interval
        marks = [m for m, of in (("start", tuned.start), ("chosen", tuned.chosen)) if tried is of]
        said = in_words(tried.recipe) + (f" ({', '.join(marks)})" if marks else "")
        table.add_row(
            f"{tried.figures.milliseconds:.0f}",
            f"{tried.figures.map7:.3f}",
            f"{low:.2f}-{high:.2f}",
            said,
            style="bold" if tried is tuned.chosen else None,
        )
    console.print(table)


def _shown(tuned: Tuned) -> Sequence[Tried]:
    """Return the front, and what tuning began and ended with, the fastest first."""
    rows = front(tuned.tried)
    rows += [t for t in (tuned.start, tuned.chosen) if t not in rows]
    rows = [t for index, t in enumerate(rows) if t not in rows[:index]]
    return sorted(rows, key=lambda tried: tried.figures.milliseconds)


def _say_how_good(tuned: Tuned, recipe: str, seconds: float) -> None:
    chosen = tuned.chosen
    if not chosen.fits(tuned.budget):
        warn(
            f"No recipe that was tried answers within {tuned.budget:g} ms",
            f": the fastest takes {chosen.figures.milliseconds:.0f} ms. It is the one that was "
            "written.",
        )
    if tuned.reported is None or tuned.start_reported is None:
        console.print(
            f"Fewer than {FEWEST} photos: all {len(chosen.figures.precisions)} chose, so the "
            f"figures flatter. mAP@7 {_in_short(chosen.figures)}; recipe '{recipe}', from "
            f"which tuning started: {_in_short(tuned.start.figures)}.",
            soft_wrap=True,
        )
    else:
        console.print(
            f"On {len(tuned.reported.precisions)} photos that did not choose: mAP@7 "
            f"{_in_short(tuned.reported)}; recipe '{recipe}', from which tuning started: "
            f"{_in_short(tuned.start_reported)}.",
            soft_wrap=True,
        )
    console.print(f"Tuning took {seconds / 60:.1f} minutes.")


def _in_short(figures: Figures) -> str:
    low, high = figures.interval
    return f"{figures.map7:.3f} ({low:.2f}-{high:.2f}) in {figures.milliseconds:.0f} ms"
