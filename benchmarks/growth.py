"""How a look-up and its memory grow with the catalogue: measured, modelled, drawn.

    python benchmarks/growth.py FOLDER... --data DATA/beauty [--runs 3] [--figure FILE] [--json]

The folders are collections of several sizes that `half_million.py make --recipe fast --products N`
made. Each is looked up in by a process of its own, with each photo once and then again. A look-up
of the index reads 20 of about sqrt(N) parts of about sqrt(N) vectors each: the time of the first
round, in which parts come from disk, is modelled as a + b sqrt(N), fitted to what was measured and
drawn as far as a hundred million.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.catalogue.truth import read_truth
from beautylens.collection import open_collection
from half_million import DEPTH, memory, recall, spread

FAR = 100_000_000
# Bytes of the index of one picture: its vector in eight bits, and its row id.
INDEXED = 512 + 8


def looked_up(folder: Path, data: Path, runs: int) -> dict[str, Any]:
    """Look up in one collection; return its size, the spread of milliseconds, and memory."""
    start = time.perf_counter()
    collection = open_collection(folder)
    gallery, views = collection.gallery, collection.recipe.retrieve.views
    opened = (time.perf_counter() - start) * 1000
    paths = sorted(row.image for row in read_truth(data / "truth.csv"))
    photos = [collection.photo(path).pixels for path in paths]
    queries = [collection.encoder.describe_views(photo, views) for photo in photos]
    before = memory()["own_mb"]
    first, again, read = [], [], []
    gallery.vectors.search(queries[0], DEPTH)  # opens the index
    for run in range(runs):
        for query in queries[1:]:
            began = time.perf_counter()
            near = gallery.vectors.search(query, DEPTH)
            found = time.perf_counter()
            gallery.rows.at(list(near)[:DEPTH], ["descriptor"])
            (again if run else first).append((found - began) * 1000)
            read.append((time.perf_counter() - found) * 1000)
    return {
        "images": len(collection),
        "gigabytes": round(
            sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e9, 2
        ),
        "open_ms": round(opened),
        "first_ms": spread(first),
        "again_ms": spread(again),
        "rows_ms": spread(read),
        "look_up_mb": memory()["own_mb"] - before,
        "recall_at_100": recall(collection, paths)["recall_at_100"],
    }


def modelled(rows: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return a and b of milliseconds = a + b sqrt(images), by least squares of relative errors."""
    roots = np.sqrt([row["images"] for row in rows])
    times = np.array([row["first_ms"]["median"] for row in rows])
    matrix = np.stack([np.ones_like(roots), roots], axis=1) / times[:, None]
    a, b = np.linalg.lstsq(matrix, np.ones_like(times), rcond=None)[0]
    return float(a), float(b)


def draw(rows: Sequence[dict[str, Any]], model: tuple[float, float], figure: Path) -> None:
    """Draw what was measured, and the model as far as a hundred million."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    sizes = np.geomspace(min(row["images"] for row in rows), FAR, 60)
    drawing, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.plot(sizes, model[0] + model[1] * np.sqrt(sizes), color="#8a8f94", label="a + b√N")
    measured = {
        "first_ms": ("#0b6e99", "index, parts from disk"),
        "again_ms": ("#5aa469", "index, parts in memory"),
        "rows_ms": ("#c4572a", "rows of the nearest 100"),
    }
    for name, (colour, said) in measured.items():
        left.plot(
            [row["images"] for row in rows],
            [row[name]["median"] for row in rows],
            "o",
            color=colour,
            label=said,
        )
    left.set(xscale="log", xlabel="pictures", ylabel="milliseconds, median", ylim=0)
    left.legend(frameon=False)
    right.plot(sizes, sizes * INDEXED / 1e9, color="#8a8f94", label="index, all of it in memory")
    right.plot(
        [row["images"] for row in rows],
        [row["gigabytes"] for row in rows],
        "o",
        color="#0b6e99",
        label="disk, descriptors only",
    )
    right.plot(sizes, sizes * 30e-6, color="#c4572a", ls="--", label="disk with keypoints (30 KB)")
    right.set(xscale="log", yscale="log", xlabel="pictures", ylabel="gigabytes")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    drawing.savefig(figure, dpi=130)


def main() -> None:
    """Measure, and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--data", type=Path, required=True, help="catalogue.csv and truth.csv")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(looked_up(arguments.folders[0], arguments.data, arguments.runs)))
        return
    rows = []
    for folder in arguments.folders:
        told = subprocess.run(
            [
                sys.executable,
                __file__,
                str(folder),
                "--data",
                str(arguments.data),
                "--runs",
                str(arguments.runs),
                "--one",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        rows.append(json.loads(told.stdout))
    model = modelled(rows) if len(rows) > 1 else (rows[0]["first_ms"]["median"], 0.0)
    far = {
        "images": FAR,
        "first_ms": round(model[0] + model[1] * FAR**0.5),
        "index_gb": round(FAR * INDEXED / 1e9),
    }
    if arguments.figure:
        draw(rows, model, arguments.figure)
    if arguments.json:
        print(json.dumps({"rows": rows, "model": model, "extrapolated": far}))
        return
    print(
        f"{'images':>11} {'disk GB':>8} {'open ms':>8} {'index, first':>15} {'again':>13} "
        f"{'rows':>14} {'MB':>5} {'recall@100':>10}"
    )
    for row in rows:
        times = (row["first_ms"], row["again_ms"], row["rows_ms"])
        first, again, read = (f"{each['median']} / {each['p95']}" for each in times)
        print(
            f"{row['images']:>11,} {row['gigabytes']:>8} {row['open_ms']:>8} {first:>15} "
            f"{again:>13} {read:>14} {row['look_up_mb']:>5} {row['recall_at_100']:>10}"
        )
    print(
        f"{far['images']:>11,} {'':>8} {'':>8} {far['first_ms']:>15}  by the model "
        f"{model[0]:.1f} + {model[1]:.4f} sqrt(N)"
    )


if __name__ == "__main__":
    main()
