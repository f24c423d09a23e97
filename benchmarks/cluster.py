"""What a Ray cluster costs: one catalogue indexed by one process, and by workers on all cores.

    python benchmarks/cluster.py TABLE [--recipe default] [--runs 3] [--json]

In turns, on this machine alone, so that what is seen is the overhead: starting Ray and its workers
(until the first block is done), and the pictures a second from then on. Needs the extra `scale`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from beautylens.indexing import build
from beautylens.store.build import Progress


def built(table: Path, recipe: str, ray: str | None) -> dict[str, float]:
    """Index a table; return seconds in all, until the first progress, and pictures a second."""
    told: list[tuple[float, int]] = []

    def note(progress: Progress) -> None:
        told.append((time.perf_counter(), progress.done))

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        build(table, Path(folder) / "made.lens", recipe=recipe, ray=ray, progress=note)
        whole = time.perf_counter() - start
    (first, before), (last, after) = told[0], told[-1]
    return {
        "seconds": whole,
        "until_first_s": first - start,
        "a_second": (after - before) / (last - first),
    }


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ways = {"one process": None, "ray": "local"}
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(arguments.runs):
        for way, ray in ways.items():
            runs[way].append(built(arguments.table, arguments.recipe, ray))
    result: dict[str, Any] = {
        way: {name: round(statistics.median(run[name] for run in each), 1) for name in each[0]}
        for way, each in runs.items()
    }
    result["ratio"] = round(result["ray"]["seconds"] / result["one process"]["seconds"], 2)
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{'':14}{'seconds':>9}{'to the first':>14}{'a second':>10}")
    for way in ways:
        row = result[way]
        print(f"{way:14}{row['seconds']:>9}{row['until_first_s']:>14}{row['a_second']:>10}")
    print(f"ray takes {result['ratio']} times as long")


if __name__ == "__main__":
    main()
