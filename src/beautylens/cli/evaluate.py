"""`beautylens evaluate`: measure a collection on photos whose products are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from beautylens.catalogue.sources import Truth
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.catalogue.write import write_csv
from beautylens.cli.arguments import Address, TruthTable, Vectors, written_here
from beautylens.cli.console import console, warn
from beautylens.cli.evaluation_tables import print_evaluation
from beautylens.cli.output import print_json, sheet_row
from beautylens.cli.progress import progress_bar, tracked
from beautylens.collection import Collection, open_collection
from beautylens.errors import QueryError
from beautylens.evaluation import evaluate as evaluation
from beautylens.evaluation.calibration.calibrate import Calibrated, calibrate, gather
from beautylens.evaluation.evaluate import COLUMNS, Evaluation
from beautylens.evaluation.run import find_leaks, refuse_leaks, unknown_truths
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
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out",
            help="Search with each photo a second time, its right products excluded: is the answer "
            "still a match?",
        ),
    ] = False,
    per_photo: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="Write a row for each search into this file.", callback=written_here
        ),
    ] = None,
    vectors: Vectors = None,
) -> None:
    """Measure mAP@7, recall, MRR and the verdicts on photos whose products are known."""
    if learning and (report or as_json or leave_out or per_photo):
        raise QueryError(
            "--calibrate measures by itself, also with right products left out; give it "
            "without --report, --json, --leave-out and --per-photo"
        )
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
    measured = measure(opened, rows, allow_leaks=allow_leaks, leave_out=leave_out)
    print_evaluation(measured)
    if report:
        title = f"{as_path(address).name} on {as_path(truth).name}"
        console.print(f"Report: {measured.write_report(report, title)}", soft_wrap=True)
    if per_photo:
        write_per_photo(measured, per_photo)
    if as_json:
        print_json(measured.to_dict())


def measure(
    opened: Collection, truth: Truth, *, allow_leaks: bool = False, leave_out: bool = False
) -> Evaluation:
    """Search with every photo, behind a progress bar."""
    with progress_bar("Searching") as show:
        return evaluation.evaluate(
            opened, truth, allow_leaks=allow_leaks, leave_out=leave_out, progress=show
        )


def write_per_photo(measured: Evaluation, path: Path) -> None:
    """Write what was found with each photo as CSV; several ids are joined by `;`."""
    rows = (sheet_row(map(_cell, row.values())) for row in measured.rows())
    write_csv(path, COLUMNS, rows)


def _cell(value: object) -> object:
    return ";".join(value) if isinstance(value, list) else value


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
