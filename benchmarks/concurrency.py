"""Queries a second, and how long each takes, by how many clients ask at a time.

    python benchmarks/concurrency.py [--collection FOLDER] [--clients 1 2 4 8] [--seconds 10]
                                     [--photos FOLDER] [--json]

Threads of one process search one collection, print left unread. Without a collection the rendered
sample is indexed. Each count of clients is measured in turn, after a warm-up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle, islice
from pathlib import Path

import numpy as np

import beautylens as bl
from beautylens.collection import Collection, open_collection
from beautylens.runtime.threads import core_count
from beautylens.sample import draw_plan, plan_sample
from half_million import unread

PAUSE = 0.5


def asked(collection: Collection, photos: Sequence[Path], clients: int, seconds: float) -> dict:
    """Return queries a second and the spread of their milliseconds, for so many clients."""
    until = time.perf_counter() + seconds

    def client(number: int) -> list[float]:
        spent = []
        for photo in islice(cycle(photos), number, None):
            start = time.perf_counter()
            if start >= until:
                return spent
            collection.search(photo)
            spent.append((time.perf_counter() - start) * 1000)
        return spent

    return spread(client, clients)


def spread(client: Callable[[int], list[float]], clients: int) -> dict:
    """Run so many clients, by number; return how many answers came a second, and how fast.

    Each gives the milliseconds of its answers.
    """
    start = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        spent = [each for every in pool.map(client, range(clients)) for each in every]
    return {
        "clients": clients,
        "per_second": round(len(spent) / (time.perf_counter() - start), 2),
        "median_ms": round(statistics.median(spent), 1),
        "p95_ms": round(float(np.percentile(spent, 95)), 1),
    }


def prepared(collection: Path | None, photos: Path | None, scratch: Path) -> tuple[Path, Path]:
    """Return a collection and a folder of photos, those of the rendered sample where not given."""
    if photos is None or collection is None:
        sample = draw_plan(plan_sample(2026).first(120, 24), scratch / "sample")
        photos = photos or sample.catalogue.parent / "queries"
    if collection is None:
        collection = scratch / "sample.lens"
        bl.index(sample.catalogue, collection)
    return collection, photos


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path)
    parser.add_argument("--photos", type=Path, help="folder of .jpg photos")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address, photos = prepared(arguments.collection, arguments.photos, scratch)
        collection = open_collection(address)
        collection.search_by(unread(collection.recipe))
        paths = sorted(photos.glob("*.jpg"))
        for path in paths[:4]:
            collection.search(path)
        rows = []
        for clients in arguments.clients:
            time.sleep(PAUSE)
            rows.append(asked(collection, paths, clients, arguments.seconds))
    if arguments.json:
        print(json.dumps({"cores": core_count(), "rows": rows}))
        return
    print(f"{'clients':>8}{'a second':>10}{'median':>10}{'p95':>10}   ms, {core_count()} cores")
    for row in rows:
        print("{clients:>8}{per_second:>10}{median_ms:>10}{p95_ms:>10}".format(**row))


if __name__ == "__main__":
    main()
