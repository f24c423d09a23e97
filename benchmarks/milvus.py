"""The nearest by a Milvus server beside the collection's own index: agreement, time, filling.

    python benchmarks/milvus.py COLLECTION milvus+http://127.0.0.1:19530/NAME [--queries 100]
        [--json]

A server to try it with: `milvus-lite server --data-dir FOLDER --host 127.0.0.1`.

Queries are stored descriptors with noise, as long as a photo is off from its catalogue picture. The
cluster is filled first, as `beautylens sync` does; what is there already is not written again.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.features.encoder.pooling import unit_rows
from beautylens.search.retrieve import nearest
from beautylens.store.columns import stacked
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.sync import sync
from beautylens.store.milvus.vector_index import MilvusIndex, open_with_milvus

NOISE = 0.6
NEAREST = 10
DEPTH = 100


def filled(index: MilvusIndex) -> dict[str, float]:
    """Fill the cluster, compare again, and return the seconds and images a second of each."""
    figures: dict[str, float] = {}
    for name in ("sync", "again"):
        start = time.perf_counter()
        done = sync(index, lambda *_: None)
        spent = time.perf_counter() - start
        figures |= {f"{name}_s": round(spent, 1), f"{name}_written": done.missing}
        figures[f"{name}_images_a_second"] = round(done.gallery.images / spent)
    return figures


def queries(stored: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return queries (count, D), each near a stored descriptor."""
    rng = np.random.default_rng(0)
    picked = stored[rng.integers(0, len(stored), count)]
    return unit_rows(picked + NOISE * unit_rows(rng.standard_normal(picked.shape, np.float32)))


def shared(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> float:
    """Return the mean share of the ids of one that the other has too."""
    shares = [len({*a} & {*b}) / len(a) for a, b in zip(one, other, strict=True)]
    return round(statistics.mean(shares), 4)


def timed(
    search: Callable[[NDArray[np.float32]], Any], wanted: NDArray[np.float32]
) -> tuple[list[Any], dict[str, float]]:
    """Return what is found for each query, and the median and 95th percentile in milliseconds."""
    found, spent = [], []
    search(wanted[0])
    for query in wanted:
        start = time.perf_counter()
        found.append(search(query))
        spent.append((time.perf_counter() - start) * 1000)
    p95 = round(float(np.percentile(spent, 95)), 1)
    return found, {"median_ms": round(statistics.median(spent), 1), "p95_ms": p95}


def measure(folder: Path, address: str, count: int) -> dict[str, Any]:
    """Return the figures of both ways to the nearest."""
    own, far = Gallery(folder), open_with_milvus(folder, address)
    filling = filled(far.vectors)
    rows = pa.Table.from_batches(own.rows.stream(["image_id", "descriptor"]))
    stored, ids = stacked(rows["descriptor"]), rows["image_id"].to_pylist()
    wanted = queries(stored, count)
    order = np.argsort(-(wanted @ stored.T), axis=1)[:, :NEAREST]
    exact = [[ids[position] for position in row] for row in order]
    figures: dict[str, Any] = {"images": len(ids), "index": far.vectors.cluster.index(), **filling}
    firsts = {}
    for name, gallery in (("collection", own), ("milvus", far)):
        found, spent = timed(lambda query, it=gallery: nearest(it, query, DEPTH), wanted)
        firsts[name] = [[match.image_id for match in each[:NEAREST]] for each in found]
        figures[name] = {"recall_at_10": shared(exact, firsts[name]), **spent}
    figures["agreement_at_10"] = shared(firsts["collection"], firsts["milvus"])
    return figures


def main() -> None:
    """Print the figures as a table, or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection", type=Path)
    parser.add_argument("address")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(arguments.collection, arguments.address, arguments.queries)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for part, each in rows:
            print(f"{name:24}{part:14}{each}")


if __name__ == "__main__":
    main()
