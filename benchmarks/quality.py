"""The quality of the default recipe and of it with one part left out, on labelled photos.

    python benchmarks/quality.py DATA [--json] [--sets beauty packs grocery] [--every 1]
                                      [--recipe best]

DATA holds a folder a set, each with catalogue.csv and truth.csv (or val.csv). A set is indexed
once; every variant searches the same descriptors and keypoints. `read` is the share of photos
on which words were read: the others were decided without, or show none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection
from beautylens.evaluation.metrics import QueryResult, Summary, summarise
from beautylens.evaluation.run import run_queries
from beautylens.evaluation.verdicts import Verdicts, measure_verdicts
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import CosinePlusInliersSettings, JudgeSettings
from beautylens.results import Matches
from beautylens.search.judge.parameters import read_judge_parameters

STAGES = ("decode", "describe", "retrieve", "verify", "compare", "read", "score", "total")
LOCAL: dict[str, object] = {"vlad": None, "verify": None, "colour": None, "compare_text": None}


def variants(recipe: Recipe, undecided: Path) -> Iterator[tuple[str, Recipe]]:
    """Yield the recipe, then the recipe with one part changed or left out.

    Args:
        recipe: the default one.
        undecided: parameters for which nothing is decided early.
    """
    one_view = recipe.retrieve.model_copy(update={"views": (1.0,)})
    salient = recipe.retrieve.model_copy(update={"salient": True})
    plain = CosinePlusInliersSettings(kind="cosine_plus_inliers")
    changes: dict[str, dict[str, object]] = {
        "default": {},
        "every photo is read": {"scorer": JudgeSettings(kind="judge", file=str(undecided))},
        "no words, no barcodes": {"read": None},
        "no colours": {"colour": None},
        "no text at the same position": {"compare_text": None},
        "no VLAD": {"vlad": None},
        "no verification": {"verify": None, "colour": None, "compare_text": None},
        "no keypoints at all": LOCAL,
        "no keypoints, no words": {**LOCAL, "read": None},
        "one view of the query": {"retrieve": one_view},
        "salient item of the query": {"retrieve": salient},
        "cosine plus inliers, no judge": {"scorer": plain, "colour": None, "compare_text": None},
    }
    for name, change in changes.items():
        yield name, recipe.model_copy(update=change)


def measure(collection: Collection, truth: Sequence[TruthRow], recipe: Recipe) -> list[QueryResult]:
    """Return the results of a variant."""
    collection.search_by(recipe)
    return list(run_queries(collection, truth))


def milliseconds(results: Sequence[QueryResult]) -> dict[str, float]:
    """Return the median of each stage over the photos that went through it."""
    answered = [result.matches for result in results if result.matches is not None]
    return {
        stage: round(statistics.median(spent), 1)
        for stage in STAGES
        if (spent := [m.milliseconds[stage] for m in answered if went_through(m, stage)])
    }


def went_through(matches: Matches, stage: str) -> bool:
    """Tell whether a photo took a stage, which for reading is that words were read."""
    return bool(matches.lines) if stage == "read" else stage in matches.milliseconds


def share_read(results: Sequence[QueryResult]) -> float:
    """Return the share of photos on which words were read."""
    answered = [result.matches for result in results if result.matches is not None]
    return sum(went_through(matches, "read") for matches in answered) / len(answered)


def main() -> None:
    """Measure every set and variant; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--every", type=int, default=1, help="measure every n-th photo")
    parser.add_argument("--recipe", default="default", help="measure this recipe alone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)
    for name in arguments.sets:
        folder = arguments.data / name
        table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
        truth = list(read_truth(table))[:: arguments.every]
        with tempfile.TemporaryDirectory() as scratch:
            undecided = Path(scratch) / "undecided.json"
            undecided.write_bytes(read_judge_parameters("default").undecided().to_bytes())
            compared = [(recipe.name, recipe)]
            if arguments.recipe == "default":
                compared = list(variants(recipe, undecided))
            collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=recipe)
            for variant, settings in compared:
                report(name, variant, measure(collection, truth, settings), arguments.json)


def report(name: str, variant: str, results: Sequence[QueryResult], as_json: bool) -> None:
    """Print one variant's figures."""
    summary, verdicts = summarise(results), measure_verdicts(results)
    times, read = milliseconds(results), share_read(results)
    if as_json:
        figures = {**summary.as_dict(), "verdicts": verdicts and verdicts.as_dict()}
        row = {"set": name, "variant": variant, **figures, "read": read, "median_ms": times}
        print(json.dumps(row), flush=True)
        return
    print(
        f"{name:8} {variant:30} {_line(summary, verdicts)}  read {read:.2f}  "
        f"{times['total']:.0f} ms",
        flush=True,
    )


def _line(summary: Summary, verdicts: Verdicts | None) -> str:
    score = summary.overall
    low, high = score.intervals["map7_challenge"]
    kinds = "  ".join(
        f"{kind} {value.map7_challenge:.3f}" for kind, value in summary.by_kind.items()
    )
    trust = ""
    if verdicts is not None:
        trust = f"  AUROC {verdicts.auroc:.3f}  ECE {verdicts.calibration_error:.3f}"
    return (
        f"mAP@7 {score.map7_challenge:.3f} ({low:.2f}-{high:.2f})  all {score.map7_all:.3f}  "
        f"R@1 {score.recall1:.3f}  R@7 {score.recall7:.3f}{trust}  [{kinds}]"
    )


if __name__ == "__main__":
    main()
