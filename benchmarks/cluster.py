"""What a Ray cluster costs: one catalogue indexed by one process, and by workers on all cores.

    python benchmarks/cluster.py TABLE [--recipe default] [--runs 3] [--json]

In turns, on this machine alone, so that what is seen is the overhead of Ray: starting it and its
workers, and handing blocks about. Needs the extra `scale`.
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


def built(table: Path, recipe: str, ray: str | None) -> dict[str, float]:
    """Index a table; return seconds in all, and pictures a second."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _, filled = build(table, Path(folder) / "made.lens", recipe=recipe, ray=ray)
        whole = time.perf_counter() - start
    return {"seconds": whole, "a_second": filled.written / whole}


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
    print(f"{'':14}{'seconds':>9}{'a second':>10}")
    for way in ways:
        print(f"{way:14}{result[way]['seconds']:>9}{result[way]['a_second']:>10}")
    print(f"ray takes {result['ratio']} times as long")


if __name__ == "__main__":
    main()
