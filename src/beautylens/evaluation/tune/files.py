"""The output files of tuning: the best recipe, all recipes tried, and a curve."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from beautylens.evaluation.tune.axes import in_words
from beautylens.evaluation.tune.search import Figures, Tried, front
from beautylens.evaluation.tune.tune import Tuned
from beautylens.recipe.recipe import Recipe
from beautylens.runtime.extras import extra

TICKS = [base * step for base in (1, 10, 100, 1000, 10_000) for step in (1, 2, 5)]
GREY, BLUE, ORANGE, GREEN = "#8a8f94", "#0b6e99", "#c4572a", "#3b8a4b"


def write_tried(path: Path, tuned: Tuned) -> None:
    """Write a line for everything that was tried, as CSV: descriptors, then whole recipes.

    The milliseconds of descriptors are those of decoding and encoding.
    """
    ahead = [each.recipe for each in front(tuned.tried)]
    lines: list[dict[str, object]] = [
        {
            "stage": "descriptor",
            **_settings(each.recipe),
            **_figures(each.figures),
            "recall": round(each.recall, 4),
        }
        for each in tuned.descriptors
    ]
    for tried in tuned.tried:
        marks = {
            "front": int(tried.recipe in ahead),
            "start": int(tried is tuned.start),
            "chosen": int(tried is tuned.chosen),
        }
        lines.append(
            {"stage": "recipe", **_settings(tried.recipe), **_figures(tried.figures), **marks}
        )
    names = list(dict.fromkeys(name for line in lines for name in line))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def _settings(recipe: Recipe) -> dict[str, object]:
    encoder, projection = recipe.encoders[0], recipe.projection
    read = recipe.read
    return {
        "encoder": encoder.file,
        "side": encoder.side or "own",
        "pooling": encoder.pooling.name if encoder.pooling else "own",
        "whitening": "none" if projection is None else projection.dimensions or "z-score",
        "views": " ".join(f"{view:g}" for view in recipe.retrieve.views),
        "depth": recipe.retrieve.depth,
        "vlad": int(recipe.vlad is not None),
        "verify": recipe.verify.transform if recipe.verify else "off",
        "colour": int(recipe.colour is not None),
        "read": "off" if read is None else "words and barcode" if read.photo else "barcode",
        "expand_by_name": int(recipe.expand_by_name is not None),
        "expand": recipe.expand.kind if recipe.expand else "off",
    }


def _figures(figures: Figures) -> dict[str, object]:
    low, high = figures.interval
    return {
        "photos": len(figures.precisions),
        "map7": round(figures.map7, 4),
        "map7_low": round(low, 4),
        "map7_high": round(high, 4),
        "milliseconds": round(figures.milliseconds, 1),
    }


def draw_curve(path: Path, tuned: Tuned) -> None:
    """Draw mAP@7 against milliseconds: all recipes, the Pareto front, budget, start and choice.

    Raises:
        MissingExtraError: when matplotlib is not installed.
    """
    with extra("train"):
        from matplotlib.figure import Figure
        from matplotlib.ticker import NullFormatter, ScalarFormatter
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    alone = [Tried(each.recipe, each.figures) for each in tuned.descriptors]
    axes.plot(*_points(alone), ".", ms=4, color="#c9cdd0", label="descriptor alone, encoding time")
    axes.plot(*_points(tuned.tried), "o", ms=5, color=GREY, alpha=0.6, mew=0, label="recipe")
    ahead = front(tuned.tried)
    if len(ahead) > 1:
        # A front of one is a point under the mark of the chosen recipe.
        axes.plot(
            *_points(ahead),
            "o-",
            ms=6,
            color=BLUE,
            drawstyle="steps-post",
            label="Pareto front",
        )
    axes.plot(*_points([tuned.start]), "D", ms=9, mfc="none", mew=2, color=ORANGE, label="start")
    axes.plot(*_points([tuned.chosen]), "*", ms=18, color=GREEN, mec="white", label="chosen")
    if tuned.budget is not None:
        axes.axvline(tuned.budget, color=ORANGE, ls="--", lw=1, label=f"budget {tuned.budget:g} ms")
    axes.set(xscale="log", xlabel="median milliseconds per query")
    axes.set(ylabel="mAP@7 on the photos for selection", ylim=_range(tuned))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([n for n in TICKS if axes.get_xlim()[0] <= n <= axes.get_xlim()[1]])
    axes.set_title(f"mAP@7 against time: {len(tuned.tried)} recipes", loc="left")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, loc="outside lower center", ncols=3)
    figure.savefig(path, dpi=130)


def _range(tuned: Tuned) -> tuple[float, float]:
    """Return the limits of the mAP@7 axis: all recipes; poor descriptors may lie below."""
    precisions = [tried.figures.map7 for tried in tuned.tried]
    margin = max(0.02, 0.08 * (max(precisions) - min(precisions)))
    return min(precisions) - margin, max(precisions) + margin


def _points(tried: Any) -> tuple[list[float], list[float]]:
    return [t.figures.milliseconds for t in tried], [t.figures.map7 for t in tried]


def summary_of(tuned: Tuned) -> str:
    """Return the chosen recipe and its figures in one line."""
    figures = tuned.chosen.figures
    return (
        f"{in_words(tuned.chosen.recipe)}: mAP@7 {figures.map7:.3f} on the "
        f"{len(figures.precisions)} photos for selection, {figures.milliseconds:.0f} ms per query."
    )
