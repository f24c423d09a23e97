"""The papers' systems with the networks at hand in place of theirs, on labelled photos.

    python benchmarks/reproduction.py DATA [--networks default mobilenetv2_features squeezenet1_1]
        [--side 384] [--sets beauty] [--json]

Each recipe keeps its poolings, weights, projection, expansion and re-ranking; its networks are
replaced, in their order, by those named, over again if it has more. Input sides become one side.
What a system reached in print stands in docs/reproduction.md; these figures compare the systems
with each other and not with print.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from itertools import cycle
from pathlib import Path
from typing import Any

from beautylens.catalogue.truth import read_truth
from beautylens.evaluation.metrics import summarise
from beautylens.evaluation.run import run_queries
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe

SYSTEMS = (
    "tang2018",
    "ramac2018",
    "uel2019",
    "grmac2019",
    "hou2020",
    "yan2020",
    "ustc2020",
    "deepproduct",
    "default",
)


def with_networks(recipe: Recipe, networks: list[str], side: int) -> Recipe:
    """Return a recipe whose networks are replaced, each always by the same one."""
    files = dict.fromkeys(encoder.file for encoder in recipe.encoders)
    replaced = dict(zip(files, cycle(networks), strict=False))
    encoders = tuple(
        encoder.model_copy(update={"file": replaced[encoder.file], "side": side})
        for encoder in recipe.encoders
    )
    return recipe.model_copy(update={"encoders": encoders})


def measure(folder: Path, recipe: Recipe) -> dict[str, Any]:
    """Index a set with a recipe, search with its photos, and return the figures."""
    table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
    with tempfile.TemporaryDirectory() as scratch:
        collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=recipe)
        results = list(run_queries(collection, read_truth(table)))
    score = summarise(results).overall
    times = [r.matches.milliseconds["total"] for r in results if r.matches is not None]
    return {
        "set": folder.name,
        "system": recipe.name,
        "networks": list(dict.fromkeys(encoder.file for encoder in recipe.encoders)),
        "map7_challenge": round(score.map7_challenge, 4),
        "interval": [round(end, 3) for end in score.intervals["map7_challenge"]],
        "map7_all": round(score.map7_all, 4),
        "recall1": round(score.recall1, 4),
        "median_ms": round(statistics.median(times), 1),
    }


def main() -> None:
    """Measure every system on every set; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", nargs="+", default=["default"])
    parser.add_argument("--side", type=int, default=384)
    parser.add_argument("--sets", nargs="+", default=["beauty"])
    parser.add_argument("--systems", nargs="+", default=SYSTEMS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.sets:
        for system in arguments.systems:
            recipe = read_recipe(system)
            if system != "default":
                recipe = with_networks(recipe, arguments.networks, arguments.side)
            row = measure(arguments.data / name, recipe)
            if arguments.json:
                print(json.dumps(row), flush=True)
                continue
            low, high = row["interval"]
            print(
                f"{name:8} {system:12} mAP@7 {row['map7_challenge']:.3f} ({low:.2f}-{high:.2f})  "
                f"all {row['map7_all']:.3f}  R@1 {row['recall1']:.3f}  {row['median_ms']:.0f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
