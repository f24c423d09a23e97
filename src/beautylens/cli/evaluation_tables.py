"""Tables of metrics that `evaluate` and `demo` print."""

from __future__ import annotations

import math

from rich.table import Table

from beautylens.cli.console import console, explain_missing_verdicts
from beautylens.evaluation.evaluate import Evaluation
from beautylens.evaluation.intervals import Interval
from beautylens.evaluation.metrics import Score, Summary
from beautylens.evaluation.verdicts import Share, Verdicts, WrongMatch
from beautylens.inputs.counts import counted
from beautylens.inputs.unicode_text import on_one_line
from beautylens.results import brand_and_name

# Wrong matches that are printed; the report and the JSON list all of them.
WRONG_SHOWN = 10


def print_evaluation(measured: Evaluation) -> None:
    """Print metrics of the verdicts where there are any, and retrieval metrics."""
    if measured.verdicts:
        print_verdicts(measured.verdicts)
    print_summary(measured.summary)
    # Each photo once, also if it is searched a second time without its right products.
    unreadable = list({r.image: r.error for r in measured.results if r.error}.values())
    if unreadable:
        console.print(
            f"Could not be read: {counted(len(unreadable), 'photo')}; the first: "
            f"{on_one_line(unreadable[0])}",
            soft_wrap=True,
        )
    if measured.verdicts is None and not measured.collection.recipe.has_judge:
        explain_missing_verdicts(measured.collection.recipe.name)


def print_summary(summary: Summary) -> None:
    """Print a table of the retrieval metrics, overall and by kind."""
    table = Table(title="mAP@7 (challenge) with 95 % interval", title_justify="left")
    for name in ("kind", "queries", "mAP@7", "interval", "mAP@7 (all)", "R@1", "R@7", "MRR"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    table.add_row("all", *_cells(summary.overall))
    for kind, score in summary.by_kind.items():
        table.add_row(kind, *_cells(score))
    console.print(table)
    if summary.without_truth:
        console.print(
            f"Left out of these metrics: {counted(summary.without_truth, 'photo')} of products "
            "that are not in the catalogue."
        )


def print_verdicts(verdicts: Verdicts) -> None:
    """Print precision and coverage of the verdicts, AUROC and calibration error."""
    table = Table(title="Verdicts", title_justify="left")
    for name in ("", "queries", "share", "interval"):
        table.add_column(name, justify="right" if name else "left")
    for label, share in (
        ("product in the catalogue: found first", verdicts.found),
        ("product in the catalogue: called a match", verdicts.coverage),
        ("product not in the catalogue: recognised", verdicts.recognised),
        ("matches that are right", verdicts.precision),
    ):
        table.add_row(label, f"{share.count} of {share.of}", *_percent(share))
    console.print(table)
    if verdicts.wrong:
        _print_wrong_matches(verdicts.wrong)
    console.print(
        f"{_auroc('AUROC of right against wrong answers', verdicts, 'auroc')}; "
        f"{_auroc('where keypoints agree', verdicts, 'auroc_geometry')}; calibration error "
        f"{verdicts.calibration_error:.3f} ({_bounds(verdicts.intervals['calibration_error'])}), "
        f"over {counted(verdicts.queries, 'query', 'queries')}."
    )


def _print_wrong_matches(wrong: tuple[WrongMatch, ...]) -> None:
    table = Table(title="Wrong matches, the most probable first", title_justify="left")
    for name in ("photo", "matched", "probability", "inliers", "right product"):
        is_number = name in ("probability", "inliers")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for each in wrong[:WRONG_SHOWN]:
        product, result = each.best.product, each.result
        right = ", ".join(sorted(result.truths)) or "none in the catalogue"
        inliers = each.best.reasons.inliers
        table.add_row(
            on_one_line(result.image.name),
            on_one_line(brand_and_name(product) or product.product_id),
            f"{100 * each.probability:.0f} %",
            "" if inliers is None else str(inliers),
            on_one_line("left out" if result.left_out else right),
        )
    console.print(table)
    if len(wrong) > WRONG_SHOWN:
        console.print(f"And {len(wrong) - WRONG_SHOWN:,} more; --report lists all.")


def _percent(share: Share) -> tuple[str, str]:
    if not share.of:
        return "", ""
    low, high = share.interval
    return f"{100 * share.value:.0f} %", f"{100 * low:.0f}-{100 * high:.0f} %"


def _auroc(label: str, verdicts: Verdicts, name: str) -> str:
    value: float = getattr(verdicts, name)
    if math.isnan(value):
        return f"{label}: undefined (all answers are right, or all wrong)"
    return f"{label} {value:.3f} ({_bounds(verdicts.intervals[name])})"


def _bounds(interval: Interval) -> str:
    return f"{interval[0]:.2f}-{interval[1]:.2f}"


def _cells(score: Score) -> list[str]:
    if score.queries == 0:
        return ["0"]
    low, high = score.intervals["map7_challenge"]
    figures = (score.map7_all, score.recall1, score.recall7, score.mrr)
    return [
        str(score.queries),
        f"{score.map7_challenge:.3f}",
        f"{low:.2f}-{high:.2f}",
        *(f"{figure:.3f}" for figure in figures),
    ]
