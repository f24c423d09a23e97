"""Tables of `beautylens grid`: all systems, the best one, and textual refinement."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from beautylens.cli.console import console
from beautylens.evaluation.grid.grid import Outcome, System, best_first
from beautylens.evaluation.grid.textual_ablation import AblationRow
from beautylens.inputs.counts import counted


def print_systems(encoder: str, outcomes: Sequence[Outcome], measure: str) -> None:
    """Print a row per pooling and a column per distance, without and with SIFT, as the papers do.

    The best pooling comes first, with the interval and the milliseconds of its best distance.
    """
    columns = list(dict.fromkeys((o.system.distance, o.system.local) for o in outcomes))
    ranked = best_first(outcomes, measure)
    title = f"mAP@7 ({measure}) of {encoder}"
    # Without a margin the figures fit on a terminal of 80 columns.
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column("pooling", no_wrap=True)
    for distance, local in columns:
        table.add_column(f"{distance} + SIFT" if local else distance, justify="right")
    for name in ("interval (best)", "ms"):
        table.add_column(name, justify="right", min_width=len("0.00-1.00") if "(" in name else None)
    for pooling in dict.fromkeys(o.system.pooling for o in ranked):
        row = [o for o in ranked if o.system.pooling == pooling]
        cells = {(o.system.distance, o.system.local): o for o in row}
        scores = [_cell(cells[column], ranked[0], measure) for column in columns]
        best = (_interval(row[0], measure), f"{row[0].milliseconds:.0f}")
        table.add_row(pooling, *scores, *best)
    console.print(table)


def print_list(outcomes: Sequence[Outcome], measure: str) -> None:
    """Print a row per system, the best in bold, with interval, time and what re-ranking changed."""
    best = best_first(outcomes, measure)[0]
    table = Table(title=f"All systems: mAP@7 ({measure})", title_justify="left", box=None)
    table.add_column("network", overflow="fold")
    for name in ("pooling", "distance"):
        table.add_column(name, no_wrap=True)
    for name in ("mAP@7", "interval", "improved", "impaired", "ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for outcome in outcomes:
        system, change = outcome.system, outcome.change
        shares = (f"{change.improved:.0%}", f"{change.impaired:.0%}") if change else ("", "")
        table.add_row(
            system.encoder,
            system.pooling,
            f"{system.distance} + SIFT" if system.local else system.distance,
            _cell(outcome, best, measure),
            _interval(outcome, measure),
            *shares,
            f"{outcome.milliseconds:.0f}",
        )
    console.print(table)
    if any(outcome.change for outcome in outcomes):
        console.print(
            "Improved, impaired: shares of the queries whose AP@7 the step raises and lowers."
        )


def print_best(outcome: Outcome, measure: str) -> None:
    """Print the best system, with its interval and its milliseconds."""
    system, queries = outcome.system, outcome.summary.overall.queries
    distance = f"{system.distance} + SIFT" if system.local else system.distance
    name = f"{system.encoder}, {system.pooling}, {distance}"
    score = f"{_score(outcome, measure):.4f} ({_interval(outcome, measure)})"
    console.print(
        f"Best: {name}, mAP@7 {score} over {counted(queries, 'query', 'queries')}, "
        f"{outcome.milliseconds:.0f} ms per query on this machine. The difference between systems "
        "with overlapping intervals may be chance.",
        soft_wrap=True,
    )


def _cell(outcome: Outcome, best: Outcome, measure: str) -> Text:
    return Text(f"{_score(outcome, measure):.4f}", "bold" if outcome is best else "")


def _score(outcome: Outcome, measure: str) -> float:
    return float(getattr(outcome.summary.overall, f"map7_{measure}"))


def _interval(outcome: Outcome, measure: str) -> str:
    low, high = outcome.summary.overall.intervals[f"map7_{measure}"]
    return f"{low:.2f}-{high:.2f}"


def print_ablation(rows: Sequence[AblationRow], system: System) -> None:
    """Print mAP@7 after textual refinement for each k, as the papers do."""
    named = f"{system.pooling}, {system.distance}"
    title = f"Textual refinement ({named}): mAP@7 {rows[0].before:.4f} before"
    table = Table(title=title, title_justify="left")
    for name in ("variant", "k", "mAP@7", "improved", "impaired"):
        table.add_column(name, justify="left" if name == "variant" else "right")
    for row in rows:
        shares = (f"{row.improved:.1%}", f"{row.impaired:.1%}")
        table.add_row(row.variant, str(row.first), f"{row.after:.4f}", *shares)
    console.print(table)
