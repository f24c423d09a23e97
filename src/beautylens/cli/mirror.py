"""Mirroring a table: once, or whenever it has changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import typer

from beautylens import indexing
from beautylens.catalogue.checks import listed
from beautylens.catalogue.table import Catalogue
from beautylens.cli.catalogue_report import report_columns
from beautylens.cli.console import console, report_error
from beautylens.cli.intervals import next_wait
from beautylens.cli.progress import progress_bar, report_failures, report_notes, report_read
from beautylens.errors import BeautylensError, CollectionError
from beautylens.files.changes import Seen, changed
from beautylens.files.paths import as_path
from beautylens.ingest.mirror import refuse_losses
from beautylens.ingest.mirror_plan import Plan
from beautylens.inputs.counts import counted
from beautylens.inputs.unicode_text import on_one_line
from beautylens.recipe.recipe import Recipe
from beautylens.store.gallery import Gallery
from beautylens.store.write_lock import MIRROR_LOCK, write_lock


@dataclass(frozen=True, slots=True)
class MirrorOptions:
    """The options of `index` that a mirror needs."""

    table: str
    address: str
    recipe: Recipe
    workers: int | None
    stop_on_error: bool
    read: bool
    recheck: bool
    yes: bool


def mirror_once(
    options: MirrorOptions, catalogue: Catalogue, *, plan_only: bool = False, ask: bool = True
) -> None:
    """Make a collection equal to a table, and print what was done or, with a plan, would be.

    Args:
        options: of the mirror.
        catalogue: the table.
        plan_only: change nothing.
        ask: ask a person at the terminal whether to go on if the table lacks half of the products.

    Raises:
        CollectionError: when the table lacks half of the products and nobody agrees.
    """
    start = time.perf_counter()
    collection = indexing.open_with_recipe(options.address, options.recipe)
    if plan_only:
        _report_plan(collection.plan(catalogue, recheck=options.recheck))
        return
    with write_lock(as_path(options.address), MIRROR_LOCK, wait=False):
        plan = collection.plan(catalogue, recheck=options.recheck)
        if not options.yes:
            _confirm_losses(plan, options.table, ask=ask)
        with progress_bar("Mirroring") as show:
            done, filled = collection.mirror(
                catalogue,
                plan=plan,
                allow_losses=True,
                workers=options.workers,
                stop_on_error=options.stop_on_error,
                read=False,
                progress=show,
            )
        _report_plan(done)
        report_notes(filled.notes)
        report_failures(filled.failures)
        if options.read:
            started = time.perf_counter()
            with progress_bar("Reading the text on pictures") as show:
                pictures = collection.read_pictures(workers=options.workers, progress=show)
            report_read(pictures, time.perf_counter() - started)
    held = collection.info()
    report_columns(catalogue)
    console.print(
        f"{options.address}: {counted(held['products'], 'product')}, "
        f"{counted(held['images'], 'picture')} ({time.perf_counter() - start:.1f} s).",
        soft_wrap=True,
    )


def follow(
    options: MirrorOptions,
    every: float,
    read_table: Callable[[], Catalogue],
    build: Callable[[Catalogue], None],
    wait: Callable[[float], object] = time.sleep,
) -> NoReturn:
    """Mirror a table now, and again whenever it has changed, until the process is stopped.

    After a round that failed, such as one with an unreachable server or half of a feed, the
    interval doubles, up to eightfold.

    Args:
        options: of the mirror.
        every: interval in seconds.
        read_table: reads the table.
        build: builds the collection if there is none.
        wait: pauses for some seconds.
    """
    seen: Seen | None = None
    failures = 0
    while True:
        try:
            present = changed(as_path(options.table), seen)
            if present is not None:
                if Gallery.exists(options.address):
                    mirror_once(options, read_table(), ask=False)
                else:
                    build(read_table())
                seen = present
            failures = 0
        except (BeautylensError, OSError) as error:
            failures += 1
            pause = next_wait(every, failures)
            where = "" if options.table in str(error) else f"{options.table}: "
            report_error(f"{where}{error}; trying again in {pause:,.0f} s")
        wait(next_wait(every, failures))


def confirm(question: str) -> None:
    """Ask a person at a terminal whether to go on.

    Raises:
        CollectionError: when the answer is no, or nobody can be asked.
    """
    if not (sys.stdin and sys.stdin.isatty()):
        raise CollectionError(f"{question}; if that is meant, run it with --yes")
    if not typer.confirm(f"{on_one_line(question)}. Go on?", err=True):
        raise CollectionError("nothing was changed")


def _confirm_losses(plan: Plan, table: str, *, ask: bool) -> None:
    try:
        refuse_losses(plan, table)
    except CollectionError as error:
        if not ask:
            raise
        confirm(str(error).partition("; if")[0])


def _report_plan(plan: Plan) -> None:
    """Print the number of products of each group, and the first ids of those removed."""
    console.print(f"Mirror: {plan}.", soft_wrap=True)
    if plan.removed:
        console.print(f"Removed: {on_one_line(listed(plan.removed, ', '))}.", soft_wrap=True)
