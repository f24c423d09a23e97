"""`beautylens evaluate`: measure a collection on labelled photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

import beautylens as bl
from beautylens.catalogue.sources import Truth
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.cli.arguments import Vectors, local_path
from beautylens.cli.console import console, warn
from beautylens.cli.evaluation_tables import print_evaluation
from beautylens.cli.exchange import print_exchange
from beautylens.cli.output import print_json
from beautylens.cli.progress import progress_bar, tracked
from beautylens.errors import ImageError, QueryError
from beautylens.evaluation.calibration.calibrate import (
    Calibrated,
    calibrate,
    labelled_examples,
    recipe_parameters,
    store_parameters,
)
from beautylens.evaluation.exchange.folder import RESULTS, write_results
from beautylens.evaluation.exchange.photos import write_photos
from beautylens.evaluation.run import find_leaks, refuse_leaks, unknown_truths
from beautylens.files.paths import as_path
from beautylens.inputs.counts import counted


def evaluate(
    address: Annotated[
        str | None, typer.Argument(metavar="COLLECTION", help="Folder or address of a collection.")
    ] = None,
    truth: Annotated[
        str | None,
        typer.Argument(
            metavar="TRUTH", help="Truth table with columns image,product_ids[,ignore_ids,kind]."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write an HTML report to this folder.", callback=local_path
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the metrics as JSON on stdout.")
    ] = False,
    allow_leaks: Annotated[
        bool, typer.Option(help="Evaluate even if query photos are in the gallery.")
    ] = False,
    learning: Annotated[
        bool,
        typer.Option(
            "--calibrate",
            help="Calibrate the probabilities on these photos; evaluate on other ones.",
        ),
    ] = False,
    leave_out: Annotated[
        bool,
        typer.Option(
            "--leave-out",
            help="Also search with each photo without its right products, to measure wrong "
            "matches.",
        ),
    ] = False,
    per_photo: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Write one row per search as CSV.", callback=local_path),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write figures, photos, recipe, versions and TREC files to this folder.",
            callback=local_path,
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="A B", help="Compare two results of the same photos, and measure nothing."
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Repeat the results of a folder, and compare them."),
    ] = None,
    vectors: Vectors = None,
) -> None:
    """Measure mAP@7, recall, MRR and verdicts on labelled photos."""
    if compare or replay:
        print_exchange(compare, replay, alone=not (address or truth))
        return
    if address is None or truth is None:
        raise typer.BadParameter("give COLLECTION and TRUTH, or --compare A B, or --replay DIR")
    if learning and (report or as_json or leave_out or per_photo or results):
        raise QueryError(
            "--calibrate cannot be combined with --report, --json, --leave-out, --per-photo or "
            "--results; evaluate on other photos next"
        )
    rows = read_truth(truth)
    if report:
        report.mkdir(parents=True, exist_ok=True)
    collection = bl.open(address, vectors)
    warn_of_unknown(unknown_truths(collection, rows))
    if learning:
        if not allow_leaks:
            refuse_leaks(find_leaks(collection, rows), as_path(truth), len(rows))
        report_calibrated(calibrated(collection, rows), collection)
        return
    measured = measure(collection, rows, allow_leaks=allow_leaks, leave_out=leave_out)
    print_evaluation(measured)
    title = f"{as_path(address).name} on {as_path(truth).name}"
    write_files(measured, title, report=report, per_photo=per_photo, results=results)
    if as_json:
        print_json(measured.to_dict())
    if all(result.error for result in measured.results):
        raise ImageError(
            f"none of the photos of {as_path(truth)} can be read; nothing was measured"
        )


def measure(
    collection: bl.Collection, truth: Truth, *, allow_leaks: bool = False, leave_out: bool = False
) -> bl.Evaluation:
    """Evaluate with a progress bar."""
    with progress_bar("Searching") as show:
        return bl.evaluate(
            collection, truth, allow_leaks=allow_leaks, leave_out=leave_out, progress=show
        )


def write_files(
    measured: bl.Evaluation,
    title: str,
    *,
    report: Path | None,
    per_photo: Path | None,
    results: Path | None,
) -> None:
    """Write the files that were asked for."""
    if report:
        console.print(f"Report: {measured.write_report(report, title)}", soft_wrap=True)
    if per_photo:
        write_photos(measured, per_photo)
    if results:
        write_results(measured, results)
        console.print(f"Results: {results / RESULTS}", soft_wrap=True)


def warn_of_unknown(unknown: Sequence[str]) -> None:
    """Warn of products of a truth table that are not in the collection."""
    if unknown:
        warn(
            f"Not in the collection: {counted(len(unknown), 'product')} of the truth table",
            f", such as {', '.join(unknown[:3])}; their queries cannot be answered correctly.",
        )


def calibrated(collection: bl.Collection, rows: Sequence[TruthRow]) -> Calibrated:
    """Calibrate on all photos, with a progress bar, and store the parameters."""
    prior = recipe_parameters(collection)
    gathered = tracked(labelled_examples(collection, rows), "Searching", len(rows))
    examples = [example for example in gathered if example]
    learnt = calibrate(examples, prior)
    store_parameters(collection, learnt.parameters)
    return learnt


def report_calibrated(learnt: Calibrated, collection: bl.Collection) -> None:
    """Print the calibration before and after."""
    before, after = learnt.before, learnt.after
    console.print(
        f"Calibrated on {counted(learnt.photos, 'photo')}, each also with its product left out; "
        f"the parameters are stored in {collection.address}. Five-fold cross-validation: "
        f"calibration error {before.calibration_error:.3f} before, "
        f"{after.calibration_error:.3f} after; AUROC {before.auroc:.3f} before, "
        f"{after.auroc:.3f} after. Evaluate on other photos next.",
        soft_wrap=True,
    )
