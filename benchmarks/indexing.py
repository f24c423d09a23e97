"""How many catalogue pictures a second are described, with and without keypoints.

    python benchmarks/indexing.py [--pictures FOLDER] [--json]

Decoding, fitting, encoding and keypoints are counted, writing to disk is not. Without a folder
the rendered sample catalogue is drawn and measured. Median of several runs over the same files.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

from beautylens.assemble import make_describer, make_encoder
from beautylens.catalogue.sample import write_sample_catalogue
from beautylens.recipe import read_recipe
from beautylens.store.build import Described

RUNS = 3


def rate(recipe_name: str, paths: list[Path]) -> float:
    """Return pictures a second, the median of several runs after a short warm-up."""
    recipe = read_recipe(recipe_name)
    describer = make_describer(recipe, make_encoder(recipe))
    rows = [
        {"image_id": str(p), "product_id": "", "image": str(p), "row": n}
        for n, p in enumerate(paths)
    ]
    list(describer(rows[:32], Path()))
    rates = []
    for _ in range(RUNS):
        start = time.perf_counter()
        good = sum(isinstance(item, Described) for item in describer(rows, Path()))
        rates.append(good / (time.perf_counter() - start))
    return statistics.median(rates)


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="folder of .jpg pictures")
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        folder = arguments.pictures
        if folder is None:
            folder = write_sample_catalogue(Path(drawn)).catalogue.parent
        paths = sorted(path.absolute() for path in folder.rglob("*.jpg"))[: arguments.limit]
        result = {
            "pictures": len(paths),
            "cores": os.cpu_count(),
            "without_keypoints_per_second": round(rate("fast", paths), 1),
            "with_keypoints_per_second": round(rate("default", paths), 1),
        }
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):32}{value:>10}")


if __name__ == "__main__":
    main()
