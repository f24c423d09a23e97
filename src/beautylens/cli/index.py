"""`beautylens index`: build a collection from a catalogue table, or mirror the table."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Annotated

import typer

from beautylens import indexing
from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.cli.arguments import (
    CatalogueTable,
    Columns,
    RedirectHosts,
    VariantsOption,
    Yes,
    chosen_columns,
)
from beautylens.cli.catalogue_report import report_columns, report_understood
from beautylens.cli.console import console
from beautylens.cli.intervals import Every
from beautylens.cli.mirror import MirrorOptions, confirm, follow, mirror_once
from beautylens.cli.progress import progress_bar, report_filled, report_read
from beautylens.collection import Collection, open_collection
from beautylens.errors import ImageError
from beautylens.ingest.mirror import is_of_another_shop
from beautylens.inputs.counts import counted
from beautylens.recipe.recipe import Recipe
from beautylens.store.gallery import Gallery

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
    mirror: Annotated[
        bool,
        typer.Option("--mirror", help="Also change and remove products, to equal the table."),
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only print what --mirror would change.")
    ] = False,
    every: Every = None,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Mirror: download known pictures again to compare.")
    ] = False,
    yes: Yes = False,
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
    wanted = indexing.recipe_with(recipe, encoder)
    chosen = chosen_columns(columns)

    def read_table() -> Catalogue:
        catalogue = read_catalogue(table, columns=chosen, variants=variants)
        report_understood(catalogue)
        return catalogue

    def build(catalogue: Catalogue) -> None:
        _build(catalogue, address, wanted, workers, on_error, resume=resume, read=read, ray=ray)

    if ray is not None and (mirror or plan or every is not None):
        raise typer.BadParameter("a cluster only builds: leave out --ray to mirror")
    if plan and every is not None:
        raise typer.BadParameter("a plan is printed once: leave out --every or --plan")
    options = MirrorOptions(
        table, address, wanted, workers, on_error is OnError.STOP, read, recheck, yes
    )
    if every is not None:
        follow(options, every, read_table, build)
    elif (mirror or plan) and Gallery.exists(address):
        mirror_once(options, read_table(), plan_only=plan)
    elif plan:
        new = counted(len(read_table().rows["product_id"].unique()), "product")
        console.print(f"There is no collection at {address}: {new} would be added.")
    else:
        catalogue = read_table()
        if not yes and resume and Gallery.exists(address):
            _confirm_other_shop(catalogue, address)
        build(catalogue)


def _confirm_other_shop(catalogue: Catalogue, address: str) -> None:
    if is_of_another_shop(open_collection(address).gallery, catalogue):
        confirm(
            f"Most products of {address} are not in this table, and most of the table's are new: "
            "it seems to be of another shop. `index` would add its products to the others"
        )


def _build(
    catalogue: Catalogue,
    address: str,
    recipe: Recipe,
    workers: int | None,
    on_error: OnError,
    *,
    resume: bool,
    read: bool,
    ray: str | None,
) -> None:
    """Build a collection and report it."""
    start = time.perf_counter()
    with progress_bar("Indexing") as show:
        built, filled = indexing.build(
            catalogue,
            address,
            recipe=recipe,
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
    _report(built, catalogue)


def _report(built: Collection, catalogue: Catalogue) -> None:
    held = built.info()
    console.print(
        f"{built.address}: {counted(held['products'], 'product')}, "
        f"{counted(held['images'], 'picture')}.",
        soft_wrap=True,
    )
    report_columns(catalogue)
    if not held["images"] and (failures := built.failures()):
        raise ImageError(
            f"none of the {counted(len(failures), 'picture')} of the table can be read; the first: "
            f"{failures[0].error}"
        )
