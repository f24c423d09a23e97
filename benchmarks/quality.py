"""The quality of the default recipe and what each of its parts adds, on labelled photos.

    python benchmarks/quality.py DATA [--json] [--sets beauty packs grocery] [--recipe best]

DATA holds a folder a set, each with catalogue.csv and truth.csv (or val.csv). A set is indexed
once; every variant searches the same descriptors and keypoints.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection
from beautylens.evaluate.metrics import Summary, summarise
from beautylens.evaluate.run import run_queries
from beautylens.indexing import build
from beautylens.recipe import Recipe, read_recipe

STAGES = ("decode", "encode", "keypoints", "retrieve", "rerank", "total")


def variants(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """Yield the recipe, then the recipe with one part changed or left out."""
    one_view = recipe.retrieve.model_copy(update={"views": (1.0,)})
    assert recipe.rerank is not None  # noqa: S101  (the default recipe re-ranks)
    inliers_alone = recipe.rerank.model_copy(update={"chance": 0, "weight": 100.0})
    salient = recipe.retrieve.model_copy(update={"salient": True})
    yield "default", recipe
    yield "one view of the query", recipe.model_copy(update={"retrieve": one_view})
    yield "weights set by hand, no judge", recipe.model_copy(update={"judge": None})
    yield (
        "order by inliers alone",
        recipe.model_copy(update={"rerank": inliers_alone, "judge": None}),
    )
    yield "no keypoints", recipe.model_copy(update={"rerank": None})
    yield "salient item of the query", recipe.model_copy(update={"retrieve": salient})
    yield (
        "salient item, no keypoints",
        recipe.model_copy(update={"retrieve": salient, "rerank": None}),
    )
    yield (
        "no keypoints, one view",
        recipe.model_copy(update={"rerank": None, "retrieve": one_view}),
    )


def measure(
    collection: Collection, truth: list[TruthRow], recipe: Recipe
) -> tuple[Summary, dict[str, float]]:
    """Return the figures of a variant and the median milliseconds of each stage."""
    collection.search_by(recipe)
    results = list(run_queries(collection, truth))
    answered = [result.matches for result in results if result.matches is not None]
    times = {
        stage: round(statistics.median(m.milliseconds.get(stage, 0.0) for m in answered), 1)
        for stage in STAGES
    }
    return summarise(results), times


def main() -> None:
    """Measure every set and variant; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--recipe", default="default", help="measure this recipe alone")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)
    compared = list(variants(recipe)) if arguments.recipe == "default" else [(recipe.name, recipe)]
    for name in arguments.sets:
        folder = arguments.data / name
        table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
        truth = list(read_truth(table))
        with tempfile.TemporaryDirectory() as scratch:
            collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=recipe)
            for variant, settings in compared:
                summary, times = measure(collection, truth, settings)
                report(name, variant, summary, times, as_json=arguments.json)


def report(
    name: str, variant: str, summary: Summary, times: dict[str, float], *, as_json: bool
) -> None:
    """Print one variant's figures."""
    if as_json:
        row = {"set": name, "variant": variant, **summary.as_dict(), "median_ms": times}
        print(json.dumps(row), flush=True)
        return
    score = summary.overall
    low, high = score.intervals["map7_challenge"]
    kinds = "  ".join(
        f"{kind} {value.map7_challenge:.3f}" for kind, value in summary.by_kind.items()
    )
    print(
        f"{name:8} {variant:26} mAP@7 {score.map7_challenge:.3f} ({low:.2f}-{high:.2f})  "
        f"all {score.map7_all:.3f}  R@1 {score.recall1:.3f}  R@7 {score.recall7:.3f}  "
        f"{times['total']:.0f} ms  [{kinds}]",
        flush=True,
    )


if __name__ == "__main__":
    main()
