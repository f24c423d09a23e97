"""Progress bars on stderr, and the summary of a build."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    track,
)

from beautylens.catalogue.table import Catalogue
from beautylens.cli.console import console, report_error, warn
from beautylens.ingest.fill import Filled
from beautylens.ingest.progress import Progress as State
from beautylens.ingest.read_pictures import PicturesRead
from beautylens.inputs.counts import counted
from beautylens.inputs.unicode_text import on_one_line
from beautylens.store.failures import Failure

Step = TypeVar("Step")
# Between two lines of progress where there is no terminal.
_LOG_SECONDS = 60.0
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[note]}"),
    TimeRemainingColumn(),
)


class CountBar:
    """A progress bar over equal steps."""

    def __init__(self, bar: Progress, title: str) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=None, note="")

    def total(self, steps: int) -> None:
        """Set the number of steps."""
        self._bar.update(self._task, total=steps)

    def step(self) -> None:
        """Advance by one step."""
        self._bar.advance(self._task)


@contextmanager
def count_bar(title: str) -> Iterator[CountBar]:
    """Show a progress bar over equal steps."""
    with Progress(
        *_COLUMNS, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield CountBar(bar, title)


def tracked(steps: Iterable[Step], title: str, total: int | None = None) -> Iterable[Step]:
    """Yield steps with a progress bar; `total` is their number if they have no length."""
    return track(
        steps,
        title,
        total=total,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[State], None]]:
    """Show a progress bar over pictures; yields the function that updates it."""
    with Progress(
        *_COLUMNS, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=None, note="")
        started = last = time.monotonic()

        def show(state: State) -> None:
            nonlocal last
            now = time.monotonic()
            note = progress_note(state, now - started)
            bar.update(task, completed=state.done, total=state.total, note=note)
            # Builds on a cluster run for hours, often without anybody at a terminal.
            if state.blocks and not console.is_terminal and now - last >= _LOG_SECONDS:
                last = now
                console.print(f"{title}: {state.done:,} of {state.total:,} pictures, {note}.")

        yield show


def progress_note(state: State, seconds: float) -> str:
    """Return blocks, rate and failures of work that has taken some seconds."""
    parts = []
    if state.blocks:
        parts.append(f"{state.blocks_done:,} of {state.blocks:,} blocks")
    if seconds >= 1:
        parts.append(f"{state.done / seconds:.1f} per second")
    if state.failed:
        parts.append(f"{state.failed:,} failed")
    return ", ".join(parts)


@contextmanager
def figures_bar(title: str) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Show a progress bar with figures; yields the function that updates both."""
    with Progress(
        *_COLUMNS, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=None, note="")

        def show(done: int, total: int, figures: Mapping[str, float]) -> None:
            note = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
            bar.update(task, completed=done, total=total, note=note)

        yield show


def report_left_out(faults: Sequence[str], noun: str, shown: int = 10) -> None:
    """Print the first errors, and the number of items that could not be read."""
    for text in faults[:shown]:
        report_error(text)
    if faults:
        console.print(f"Left out: {counted(len(faults), noun)} that could not be read.")


def report_filled(filled: Filled, seconds: float) -> None:
    """Print what a build did, and the first pictures that failed."""
    pictures = counted(filled.written, "picture")
    rate = f" ({filled.written / seconds:.1f} per second)" if filled.written and seconds > 0 else ""
    console.print(f"Indexed {pictures} in {seconds:.1f} s{rate}.")
    if filled.present:
        console.print(
            f"Skipped {counted(filled.present, 'picture')} already in the collection; "
            "to update changed ones, use --mirror or `beautylens add`."
        )
    report_notes(filled.notes)
    report_failures(filled.failures)


def report_read(pictures: PicturesRead, seconds: float) -> None:
    """Print on how many pictures text was read, if any."""
    if pictures.read:
        console.print(
            f"Read the text on {counted(pictures.read, 'picture')} in {seconds:.1f} s "
            f"({pictures.read / seconds:.1f} per second)."
        )
    if pictures.failed:
        warn(
            f"The text on {counted(pictures.failed, 'picture')} was not read",
            ": their files are gone or have changed. Index again with the present files.",
        )


def report_notes(notes: Sequence[str]) -> None:
    """Print remarks on the cells of a table."""
    for note in notes:
        warn(f"{note[:1].upper()}{note[1:]}.")


def report_rows(catalogue: Catalogue) -> None:
    """Print the rows of a table that were left out, and remarks on its cells."""
    report_left_out(catalogue.left_out, "catalogue row")
    report_notes(catalogue.notes)


def report_failures(failures: Sequence[Failure], shown: int = 10) -> None:
    """Print the first pictures that could not be indexed."""
    if not failures:
        return
    warn(f"Not indexed: {counted(len(failures), 'picture')} that could not be read:")
    for failure in failures[:shown]:
        console.print(f"  row {failure.row}: {on_one_line(failure.error)}", soft_wrap=True)
    if len(failures) > shown:
        console.print(f"  and {len(failures) - shown:,} more.")
