"""What `evaluate --compare` and `evaluate --replay` print."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

from beautylens.cli.console import console, warn
from beautylens.cli.progress import progress_bar
from beautylens.errors import QueryError
from beautylens.evaluation.exchange.compare import Difference, compare_photos
from beautylens.evaluation.exchange.folder import PHOTOS, Change
from beautylens.evaluation.exchange.folder import replay as repeat
from beautylens.evaluation.exchange.photos import measures_by_photo
from beautylens.inputs.counts import counted

# The measures' names in tables.
NAMES = {
    "map7_challenge": "mAP@7 (challenge)",
    "map7_all": "mAP@7 (all)",
    "recall1": "R@1",
    "recall7": "R@7",
    "mrr": "MRR",
}
# Changed values that are printed.
SHOWN = 10


def print_exchange(compare: tuple[Path, Path] | None, replay: Path | None, *, alone: bool) -> None:
    """Print a comparison or a replay.

    Args:
        compare: two results.
        replay: a folder of results.
        alone: whether no collection was given beside.

    Raises:
        QueryError: when something else was given, too, or a replay has other results.
    """
    if not alone or (compare and replay):
        raise QueryError("--compare and --replay take results alone; leave the rest out")
    if compare:
        print_comparison(*compare)
    elif replay:
        print_replay(replay)


def print_comparison(a: Path, b: Path) -> None:
    """Print the differences of two results: folders of `--results`, or CSVs of `--per-photo`."""
    left, right = (measures_by_photo(each / PHOTOS if each.is_dir() else each) for each in (a, b))
    found = compare_photos(left, right)
    table = Table(title=f"B minus A on {counted(len(left), 'photo')}", title_justify="left")
    for name in ("measure", "A", "B", "B - A", "95 % interval", "p", "better", "worse"):
        table.add_column(name, justify="left" if name == "measure" else "right")
    for name, difference in found.items():
        table.add_row(NAMES[name], *_cells(difference))
    console.print(table)
    console.print(
        f"A is {a}, B is {b}; p of a paired randomisation test, two-sided. Better and worse count "
        "photos.",
        soft_wrap=True,
    )


def _cells(difference: Difference) -> tuple[str, ...]:
    low, high = difference.interval
    return (
        f"{difference.a:.4f}",
        f"{difference.b:.4f}",
        f"{difference.difference:+.4f}",
        f"{low:+.3f} to {high:+.3f}",
        f"{difference.p_value:.4f}",
        str(difference.better),
        str(difference.worse),
    )


def print_replay(folder: Path) -> None:
    """Evaluate again as a folder of results says, and print what changed.

    Raises:
        QueryError: when a result changed.
    """
    with progress_bar("Searching") as show:
        found = repeat(folder, progress=show)
    _print_changes("Changed since", found.circumstances)
    _print_changes("Results that changed", found.results)
    if found.results:
        raise QueryError(
            f"{folder}: {len(found.results)} of {found.compared} values are not what they were"
        )
    console.print(f"All {found.compared:,} values are what they were.")


def _print_changes(title: str, changes: tuple[Change, ...]) -> None:
    for change in changes[:SHOWN]:
        warn(f"{title}: ", f"{change.where} was {change.before}, is {change.now}")
    if len(changes) > SHOWN:
        console.print(f"and {len(changes) - SHOWN} more")
