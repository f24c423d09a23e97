"""`beautylens demo`: index and search a rendered sample catalogue."""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from beautylens import indexing
from beautylens.cli.arguments import local_path
from beautylens.cli.console import console
from beautylens.cli.evaluate import measure
from beautylens.cli.evaluation_tables import print_evaluation
from beautylens.cli.formats import Answer, write_table
from beautylens.cli.progress import progress_bar, report_filled
from beautylens.errors import CollectionError
from beautylens.ingest.progress import Progress
from beautylens.sample import SamplePaths, write_sample_catalogue

# Photos whose answers are shown, and products of each.
SHOWN, PRODUCTS = 3, 3
MARK = ".beautylens-demo"


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Output folder.", callback=local_path)
    ] = Path("beautylens-demo"),
) -> None:
    """Render a sample catalogue, index it, search it with simulated photos, and report."""
    start = time.perf_counter()
    paths = _render(_emptied(folder))
    with progress_bar("Indexing") as show:
        began = time.perf_counter()
        built, filled = indexing.build(paths.catalogue, folder / "sample.lens", progress=show)
    report_filled(filled, time.perf_counter() - began)
    measured = measure(built, paths.truth)
    for result in measured.results[:SHOWN]:
        if result.matches is not None:
            write_table(Answer(str(result.image), result.matches.top(PRODUCTS)), first=False)
    print_evaluation(measured)
    page = measured.write_report(folder / "report", "Sample catalogue")
    seconds = f"{time.perf_counter() - start:.0f} s"
    console.print(f"Done in {seconds}. Report of all searches: {page.resolve()}", soft_wrap=True)
    command = shlex.join(
        [sys.argv[0], "search", f"{folder}/sample.lens", str(measured.results[0].image)]
    )
    console.print(f"Try a search: {command}", soft_wrap=True)
    page_command = shlex.join([sys.argv[0], "serve", f"{folder}/sample.lens"])
    console.print(f"Open the page: {page_command}", soft_wrap=True)


def _render(folder: Path) -> SamplePaths:
    with progress_bar("Rendering") as show:
        return write_sample_catalogue(
            folder, progress=lambda done, total: show(Progress(done, total, 0))
        )


def _emptied(folder: Path) -> Path:
    """Return the folder, after removing an earlier demo from it.

    Raises:
        CollectionError: when it has other contents.
    """
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise CollectionError(
                f"{folder} is not empty and holds no earlier demo; give a new folder"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    return folder
