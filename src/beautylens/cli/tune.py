"""`beautylens tune`: find the best recipe for a catalogue within a time budget per query."""

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
from beautylens.cli.arguments import CatalogueTable, TruthTable, local_path
from beautylens.cli.console import console, warn
from beautylens.cli.progress import count_bar, progress_bar, report_rows
from beautylens.errors import MissingExtraError
from beautylens.evaluation.run import find_copies, refuse_leaks
from beautylens.evaluation.tune.axes import changes_evidence, in_words
from beautylens.evaluation.tune.files import draw_curve, summary_of, write_tried
from beautylens.evaluation.tune.photos import FEWEST
from beautylens.evaluation.tune.search import Figures, Tried, front
from beautylens.evaluation.tune.tune import Tuned, Tuning
from beautylens.files.paths import as_path
from beautylens.inputs.counts import counted
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.write import write_recipe


def tune(
    table: CatalogueTable,
    truth: TruthTable,
    folder: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Output folder.", callback=local_path),
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", help="Further encoder to try; may be repeated."),
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="Recipe to start from: a shipped one or a .toml file.")
    ] = "default",
    budget: Annotated[
        float | None,
        typer.Option(
            min=1, metavar="MS", help="Time budget per query in milliseconds. Default: none."
        ),
    ] = None,
    allow_leaks: Annotated[
        bool, typer.Option(help="Tune even if query photos are in the catalogue.")
    ] = False,
) -> None:
    """Find the recipe with the best mAP@7 on labelled photos within a time budget."""
    began = time.perf_counter()
    rows, catalogue = read_truth(truth), read_catalogue(table)
    report_rows(catalogue)
    refuse_leaks([] if allow_leaks else find_copies(catalogue, rows), as_path(truth), len(rows))
    tuning = Tuning(catalogue, rows, folder, read_recipe(recipe), encoder or (), budget)
    _report_scope(tuning)
    with count_bar("Extracting descriptors") as bar:
        bar.total(tuning.pictures)
        tuning.describe(bar.step)
    with progress_bar("Indexing") as show:
        tuning.build(show)
    with count_bar("Trying recipes") as bar:
        bar.total(tuning.most)
        tuning.search(bar.step)
    with count_bar("Evaluating") as bar:
        bar.total(2)
        tuned = tuning.report(bar.step)
    _report_unreadable(tuning)
    _write(tuned, tuning, folder)
    _print_front(tuned)
    _report_result(tuned, recipe, time.perf_counter() - began)
    best_file = folder / "best.toml"
    command = f"beautylens index {shlex.quote(table)} tuned.lens --recipe "
    console.print(f"Next: {command}{shlex.quote(str(best_file))}", soft_wrap=True)
    if tuned.chosen.recipe.has_judge and changes_evidence(tuned.chosen.recipe, tuned.start.recipe):
        console.print(
            "The probabilities were calibrated on other evidence than this recipe computes. Then "
            "run: "
            f"beautylens evaluate tuned.lens {shlex.quote(truth)} --calibrate",
            soft_wrap=True,
        )


def _report_scope(tuning: Tuning) -> None:
    photos = tuning.photos
    if photos.absent:
        console.print(
            f"Not used: {counted(photos.absent, 'photo')} of products that are not in the "
            "catalogue, which mAP@7 does not measure. `beautylens evaluate` on the tuned "
            "collection reports how many of them are recognised as not in the catalogue."
        )
    if photos.left_out:
        console.print(
            f"Left out: {counted(photos.left_out, 'row')} of the truth table whose products are "
            "not in the catalogue."
        )
    if len(tuning.catalogue) < tuning.whole:
        console.print(
            f"Tuning uses {len(tuning.catalogue):,} of {tuning.whole:,} catalogue pictures, "
            "including those of the photos' products; on all pictures mAP@7 is lower and queries "
            "are slower."
        )


def _report_unreadable(tuning: Tuning) -> None:
    if failed := tuning.failures():
        console.print(f"Left out: {counted(failed, 'catalogue picture')} that could not be read.")
    if tuning.unreadable:
        console.print(
            f"Counted as not found: {counted(tuning.unreadable, 'photo')} that could not be read."
        )


def _write(tuned: Tuned, tuning: Tuning, folder: Path) -> None:
    write_recipe(folder / "best.toml", tuning.written(tuned.chosen.recipe), summary_of(tuned))
    write_tried(folder / "tried.csv", tuned)
    written = ["best.toml", "tried.csv"]
    try:
        draw_curve(folder / "curve.png", tuned)
        written.append("curve.png")
    except MissingExtraError as missing:
        warn("No curve written:", f" {missing}")
    console.print(f"Written to {folder}: {', '.join(written)}.", soft_wrap=True)


def _print_front(tuned: Tuned) -> None:
    """Print the Pareto front of mAP@7 against milliseconds."""
    title = f"Pareto front of {counted(len(tuned.tried), 'recipe')}"
    table = Table(title=title, title_justify="left")
    for name in ("ms", "mAP@7", "interval"):
        table.add_column(name, justify="right")
    table.add_column("recipe")
    for tried in _shown(tuned):
        low, high = tried.figures.interval
        marks = [m for m, of in (("start", tuned.start), ("chosen", tuned.chosen)) if tried is of]
        summary = in_words(tried.recipe) + (f" ({', '.join(marks)})" if marks else "")
        table.add_row(
            f"{tried.figures.milliseconds:.0f}",
            f"{tried.figures.map7:.3f}",
            f"{low:.2f}-{high:.2f}",
            summary,
            style="bold" if tried is tuned.chosen else None,
        )
    console.print(table)


def _shown(tuned: Tuned) -> Sequence[Tried]:
    """Return the front, the start and the chosen recipe, the fastest first."""
    rows = front(tuned.tried)
    rows += [t for t in (tuned.start, tuned.chosen) if t not in rows]
    rows = [t for index, t in enumerate(rows) if t not in rows[:index]]
    return sorted(rows, key=lambda tried: tried.figures.milliseconds)


def _report_result(tuned: Tuned, recipe: str, seconds: float) -> None:
    chosen = tuned.chosen
    if not chosen.fits(tuned.budget):
        warn(
            f"No recipe takes at most {tuned.budget:g} ms per query",
            f"; wrote the fastest, which takes {chosen.figures.milliseconds:.0f} ms.",
        )
    if tuned.misses_budget and tuned.reported is not None:
        warn(
            f"The chosen recipe misses the budget of {tuned.budget:g} ms on the held-out photos",
            f": {tuned.reported.milliseconds:.0f} ms, after {chosen.figures.milliseconds:.0f} ms "
            "on those for selection; tune on an idle machine, or with a smaller --budget.",
        )
    if tuned.reported is None or tuned.start_reported is None:
        console.print(
            f"With fewer than {FEWEST} photos none are held out, so these metrics are optimistic "
            f"({len(chosen.figures.precisions)} photos). mAP@7 {_in_short(chosen.figures)}; recipe "
            f"'{recipe}' before tuning: {_in_short(tuned.start.figures)}.",
            soft_wrap=True,
        )
    else:
        console.print(
            f"On {len(tuned.reported.precisions)} held-out photos: mAP@7 "
            f"{_in_short(tuned.reported)}; recipe '{recipe}' before tuning: "
            f"{_in_short(tuned.start_reported)}.",
            soft_wrap=True,
        )
    console.print(f"Tuning took {seconds / 60:.1f} min.")


def _in_short(figures: Figures) -> str:
    low, high = figures.interval
    return f"{figures.map7:.3f} ({low:.2f}-{high:.2f}) in {figures.milliseconds:.0f} ms"
