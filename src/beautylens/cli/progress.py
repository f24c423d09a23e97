"""Progress bars on stderr, and what a build did."""

from __future__ import annotations

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
from beautylens.ingest.fill import Progress as State
from beautylens.inputs.unicode_text import on_one_line
from beautylens.store.failures import Failure

Step = TypeVar("Step")
_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TextColumn("{task.fields[note]}"),
    TimeRemainingColumn(),
)


class CountBar:
    """A bar over a number of equal steps."""

    def __init__(self, bar: Progress, title: str) -> None:
        self._bar = bar
        self._task = bar.add_task(title, total=None, note="")

    def total(self, steps: int) -> None:
        """Say how many steps there are."""
        self._bar.update(self._task, total=steps)

    def step(self) -> None:
        """Move on by one."""
        self._bar.advance(self._task)


@contextmanager
def count_bar(title: str) -> Iterator[CountBar]:
    """Show a bar while equal steps are taken."""
    with Progress(
        *_COLUMNS, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        yield CountBar(bar, title)


def tracked(steps: Iterable[Step], title: str, total: int | None = None) -> Iterable[Step]:
    """Yield steps behind a bar; `total` is how many there are, where they cannot tell."""
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
    """Show a bar while pictures are indexed; gives the function that moves it."""
    with Progress(
        *_COLUMNS, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=None, note="")

        def show(state: State) -> None:
            note = f"{state.failed} failed" if state.failed else ""
            bar.update(task, completed=state.done, total=state.total, note=note)

        yield show


@contextmanager
def figures_bar(title: str) -> Iterator[Callable[[int, int, Mapping[str, float]], None]]:
    """Show a bar while steps are taken; gives the function that moves it and shows figures."""
    with Progress(
        *_COLUMNS, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(title, total=None, note="")

        def show(done: int, total: int, figures: Mapping[str, float]) -> None:
            note = "  ".join(f"{name} {value:.4f}" for name, value in figures.items())
            bar.update(task, completed=done, total=total, note=note)

        yield show


def report_left_out(faults: Sequence[str], what: str, shown: int = 10) -> None:
    """Name the first pictures that could not be read, and say how many there are."""
    for text in faults[:shown]:
        report_error(text)
    if faults:
        console.print(f"{len(faults):,} {what} could not be read and were left out.")


def report_filled(filled: Filled, seconds: float) -> None:
    """Say what a build did, and name the first pictures that failed."""
    rate = f", {filled.written / seconds:.0f} a second" if filled.written and seconds > 0 else ""
    console.print(f"{filled.written:,} pictures indexed in {seconds:.1f} s{rate}.")
    if filled.present:
        console.print(
            f"{filled.present:,} were there already; `beautylens add` writes changed ones anew."
        )
    report_notes(filled.notes)
    report_failures(filled.failures)


def report_notes(notes: Sequence[str]) -> None:
    """Say what was noticed about the cells of a table."""
    for note in notes:
        warn(f"{note[:1].upper()}{note[1:]}.")


def report_rows(catalogue: Catalogue) -> None:
    """Name the rows of a table that were left out, and say what was noticed about its cells."""
    report_left_out(catalogue.left_out, "rows of the catalogue")
    report_notes(catalogue.notes)


def report_failures(failures: Sequence[Failure], shown: int = 10) -> None:
    """List pictures that could not be indexed."""
    if not failures:
        return
    warn(f"{len(failures):,} pictures could not be indexed:")
    for failure in failures[:shown]:
        console.print(f"  row {failure.row}: {on_one_line(failure.error)}", soft_wrap=True)
    if len(failures) > shown:
        console.print(f"  and {len(failures) - shown:,} more; `beautylens info` counts them.")
