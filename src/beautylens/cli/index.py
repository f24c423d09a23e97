"""`beautylens index`: build a collection from a catalogue table."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from beautylens import indexing
from beautylens.cli.arguments import CatalogueTable
from beautylens.cli.console import console
from beautylens.cli.progress import progress_bar, report_filled

Workers = Annotated[
    int | None, typer.Option(min=1, help="Threads that read pictures; all cores by default.")
]


class OnError(StrEnum):
    """What to do about a picture that cannot be read."""

    SKIP = "skip"
    STOP = "stop"


Errors = Annotated[OnError, typer.Option(help="What to do about a picture that cannot be read.")]


def index(
    table: CatalogueTable,
    address: Annotated[str, typer.Argument(metavar="COLLECTION", help="Folder to build.")],
    recipe: Annotated[str, typer.Option(help="A shipped recipe or a .toml file.")] = "default",
    encoder: Annotated[
        str | None, typer.Option(help="Another encoder than the recipe's: a folder or .onnx file.")
    ] = None,
    workers: Workers = None,
    resume: Annotated[
        bool, typer.Option(help="Go on with an interrupted build; --no-resume refuses one.")
    ] = True,
    on_error: Errors = OnError.SKIP,
    ray: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Build on a Ray cluster; local: on this machine."),
    ] = None,
) -> None:
    """Build a collection from a catalogue table, or go on with one that was interrupted."""
    start = time.perf_counter()
    with progress_bar("Indexing") as show:
        built, filled = indexing.build(
            table,
            address,
            recipe=indexing.recipe_with(recipe, encoder),
            workers=workers,
            resume=resume,
            stop_on_error=on_error is OnError.STOP,
            ray=ray,
            progress=show,
        )
    report_filled(filled, time.perf_counter() - start)
    held = built.info()
    console.print(
        f"{built.address} holds {held['images']:,} pictures of {held['products']:,} products."
    )
