"""`beautylens evaluate`: measure a collection on photos whose products are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from beautylens.catalogue.sources import Truth
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.cli.arguments import Address, TruthTable, Vectors, written_here
from beautylens.cli.console import console, say_no_verdict, warn
from beautylens.cli.output import print_json
from beautylens.cli.progress import progress_bar, tracked
from beautylens.collection import Collection, open_collection
from beautylens.errors import QueryError
from beautylens.evaluation import evaluate as evaluation
from beautylens.evaluation.calibration.calibrate import Calibrated, calibrate, gather
from beautylens.evaluation.evaluate import Evaluation
from beautylens.evaluation.metrics import Score, Summary
from beautylens.evaluation.run import find_leaks, refuse_leaks, unknown_truths
from beautylens.evaluation.verdicts import Verdicts
from beautylens.files.paths import as_path


def evaluate(
    address: Address,
    truth: TruthTable,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write an HTML report into this folder.", callback=written_here
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON on stdout.")] = False,
    allow_leaks: Annotated[
        bool, typer.Option(help="Measure even if queries are in the gallery.")
    ] = False,
    learning: Annotated[
        bool,
        typer.Option(
            "--calibrate", help="Learn from these photos how sure to be; measure on others."
        ),
    ] = False,
    vectors: Vectors = None,
) -> None:
    """Measure mAP@7, recall, MRR and the verdicts on photos whose products are known."""
    if learning and (report or as_json):
        raise QueryError("--calibrate measures by itself: leave out --report and --json")
    rows = read_truth(truth)
    if report:
        report.mkdir(parents=True, exist_ok=True)
    opened = open_collection(address, vectors)
    say_unknown(unknown_truths(opened, rows))
    if learning:
        if not allow_leaks:
            refuse_leaks(find_leaks(opened, rows), as_path(truth), len(rows))
        report_calibrated(calibrated(opened, rows), opened)
        return
    measured = measure(opened, rows, allow_leaks=allow_leaks)
    print_evaluation(measured)
    if report:
        title = f"{as_path(address).name} on {as_path(truth).name}"
        console.print(f"Report: {measured.write_report(report, title)}", soft_wrap=True)
    if as_json:
        print_json(measured.to_dict())


def measure(opened: Collection, truth: Truth, *, allow_leaks: bool = False) -> Evaluation:
    """Search with every photo, behind a progress bar."""
    with progress_bar("Searching") as show:
        return evaluation.evaluate(opened, truth, allow_leaks=allow_leaks, progress=show)


def say_unknown(unknown: Sequence[str]) -> None:
    """Warn of products of a truth table that are not in the collection."""
    if unknown:
        warn(
            f"{len(unknown)} products of the truth are not in the collection",
            f", such as {', '.join(unknown[:3])}: their queries cannot be answered right.",
        )


def calibrated(opened: Collection, rows: Sequence[TruthRow]) -> Calibrated:
    """Learn from every photo, behind a progress bar, and keep it in the collection."""
    prior = opened.starting_parameters
    gathered = tracked(gather(opened, rows), "Searching", len(rows))
    taught = [example for example in gathered if example]
    learnt = calibrate(taught, prior)
    opened.judge_by(learnt.parameters)
    return learnt


def print_evaluation(measured: Evaluation) -> None:
    """Print the figures and how far verdicts can be trusted, for a person."""
    print_summary(measured.summary)
    if measured.verdicts:
        print_verdicts(measured.verdicts)
    elif not measured.collection.recipe.has_judge:
        say_no_verdict(measured.collection.recipe.name)


def print_summary(summary: Summary) -> None:
    """Print the figures for a person."""
    table = Table(title="mAP@7 (challenge) with its 95 % interval", title_justify="left")
    for name in ("kind", "queries", "mAP@7", "interval", "all", "R@1", "R@7", "MRR"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    table.add_row("all", *_cells(summary.overall))
    for kind, score in summary.by_kind.items():
        table.add_row(kind, *_cells(score))
    console.print(table)
    if summary.without_truth or summary.unreadable:
        console.print(
            f"{summary.without_truth} queries are not in the catalogue and were not scored; "
            f"{summary.unreadable} photos could not be read."
        )


def print_verdicts(verdicts: Verdicts) -> None:
    """Print for a person how far probabilities and verdicts can be trusted."""
    table = Table(title="Verdicts, and how many of them held", title_justify="left")
    for name in ("verdict", "queries", "held"):
        table.add_column(name, justify="left" if name == "verdict" else "right")
    for verdict, given in verdicts.given.items():
        held = "" if given.held is None else f"{100 * given.held:.0f} %"
        table.add_row(verdict.replace("_", " "), str(given.queries), held)
    console.print(table)
    (low, high), (least, most) = (
        verdicts.intervals[name] for name in ("auroc", "calibration_error")
    )
    auroc = (
        "There is no AUROC where all answers are right, or none"
        if math.isnan(verdicts.auroc)
        else f"AUROC of right answers against others {verdicts.auroc:.3f} ({low:.2f}-{high:.2f})"
    )
    console.print(
        f"{auroc}, calibration error {verdicts.calibration_error:.3f} ({least:.2f}-{most:.2f}) "
        f"over {verdicts.queries} queries."
    )


def report_calibrated(learnt: Calibrated, opened: Collection) -> None:
    """Say what was learnt."""
    before, after = learnt.before, learnt.after
    console.print(
        f"Learnt from {learnt.photos} photos, each also with its product left out, and kept in "
        f"{opened.address}. On photos that it was not learnt from (five-fold): "
        f"calibration error {before.calibration_error:.3f} before, {after.calibration_error:.3f} "
        f"now; AUROC {before.auroc:.3f} before, {after.auroc:.3f} now. "
        "Measure it on other photos than these.",
        soft_wrap=True,
    )


def _cells(score: Score) -> list[str]:
    if score.queries == 0:
        return ["0"]
    low, high = score.intervals["map7_challenge"]
    figures = (score.map7_all, score.recall1, score.recall7, score.mrr)
    return [
        str(score.queries),
        f"{score.map7_challenge:.3f}",
        f"{low:.2f}-{high:.2f}",
        *(f"{figure:.3f}" for figure in figures),
    ]
