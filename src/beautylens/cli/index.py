"""`beautylens index`: build a collection from a catalogue table."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from beautylens import indexing
from beautylens.catalogue.table import read_catalogue
from beautylens.cli.arguments import (
    CatalogueTable,
    Columns,
    RedirectHosts,
    VariantsOption,
    chosen_columns,
)
from beautylens.cli.catalogue_report import report_columns, report_understood
from beautylens.cli.console import console
from beautylens.cli.progress import progress_bar, report_filled, report_read
from beautylens.errors import ImageError
from beautylens.inputs.counts import counted

Workers = Annotated[
    int | None, typer.Option(min=1, help="Threads that read pictures. Default: one per core.")
]


class OnError(StrEnum):
    """How to handle a picture that cannot be read."""

    SKIP = "skip"
    STOP = "stop"


Read = Annotated[
    bool, typer.Option(help="Read the text on catalogue pictures, to distinguish similar variants.")
]
Errors = Annotated[OnError, typer.Option(help="How to handle a picture that cannot be read.")]


def index(
    table: CatalogueTable,
    address: Annotated[
        str, typer.Argument(metavar="COLLECTION", help="Folder or address of the collection.")
    ],
    recipe: Annotated[
        str, typer.Option(help="Name of a shipped recipe, or a .toml file.")
    ] = "default",
    encoder: Annotated[
        str | None,
        typer.Option(help="Encoder to use instead of the recipe's: a folder or .onnx file."),
    ] = None,
    columns: Columns = None,
    variants: VariantsOption = None,
    follow_redirects_to: RedirectHosts = None,
    workers: Workers = None,
    resume: Annotated[
        bool, typer.Option(help="Resume an existing collection; --no-resume fails if there is one.")
    ] = True,
    on_error: Errors = OnError.SKIP,
    read: Read = True,
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Ray cluster to build on; `local` starts one on this machine."
        ),
    ] = None,
) -> None:
    """Build a collection from a catalogue table, or resume an interrupted build."""
    del follow_redirects_to
    start = time.perf_counter()
    catalogue = read_catalogue(table, columns=chosen_columns(columns), variants=variants)
    report_understood(catalogue)
    with progress_bar("Indexing") as show:
        built, filled = indexing.build(
            catalogue,
            address,
            recipe=indexing.recipe_with(recipe, encoder),
            workers=workers,
            resume=resume,
            stop_on_error=on_error is OnError.STOP,
            read=False,
            ray=ray,
            progress=show,
        )
    report_filled(filled, time.perf_counter() - start)
    if read:
        start = time.perf_counter()
        with progress_bar("Reading the text on pictures") as show:
            pictures = built.read_pictures(workers=workers, progress=show)
        report_read(pictures, time.perf_counter() - start)
    held = built.info()
    console.print(
        f"{built.address}: {counted(held['products'], 'product')}, "
        f"{counted(held['images'], 'picture')}.",
        soft_wrap=True,
    )
    report_columns(catalogue)
    if not held["images"] and (failures := built.failures()):
        raise ImageError(
            f"none of the {counted(len(failures), 'picture')} of {table} can be read; the first: "
            f"{failures[0].error}"
        )
