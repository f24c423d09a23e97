"""Seconds from the start of a command in a new process to its end.

    python benchmarks/startup.py [--collection FOLDER --photos FOLDER] [--runs 5] [--json]

`beautylens search` of one photo each with the collection's recipe, and `--help`, each in a process
of its own, in turn. Photos decided without OCR are listed apart from those that are read. Without
a collection 60 products of the rendered sample are indexed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import beautylens as bl
from beautylens.runtime.threads import core_count
from beautylens.sample import draw_plan, plan_sample

DRAWN, PHOTOS = 60, 6
# What deciding not to read takes at most, and reading by far more.
READING_MS = 20.0


def run(*arguments: str) -> tuple[float, str]:
    """Return the seconds that a command took, and what it printed."""
    start = time.perf_counter()
    command = [sys.executable, "-c", "from beautylens.cli import main; main()", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return time.perf_counter() - start, done.stdout


def was_read(answer: str) -> bool:
    """Tell whether the words on the photo were read for an answer in JSON, by the time it took."""
    spent: float = json.loads(answer.splitlines()[0])["milliseconds"]["read"]
    return spent > READING_MS


def measure(collection: Path, photos: Sequence[Path], runs: int) -> dict[str, list[float]]:
    """Return the seconds of each kind of command, over all photos and runs."""
    spent: dict[str, list[float]] = {"print read": [], "print left unread": [], "--help": []}
    for _ in range(runs):
        for photo in photos:
            seconds, answer = run("search", str(collection), str(photo), "--format", "json")
            spent["print read" if was_read(answer) else "print left unread"].append(seconds)
        spent["--help"].append(run("--help")[0])
    return {kind: seconds for kind, seconds in spent.items() if seconds}


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path)
    parser.add_argument("--photos", type=Path, help="folder of photos of its products")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if (arguments.collection is None) != (arguments.photos is None):
        parser.error("name both a collection and photos of its products, or neither")
    with ExitStack() as stack:
        collection, folder = arguments.collection, arguments.photos
        if collection is None:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            sample = draw_plan(plan_sample(2026).first(DRAWN, PHOTOS), scratch / "sample")
            collection, folder = scratch / "sample.lens", scratch / "sample" / "queries"
            bl.index(sample.catalogue, collection)
        photos = sorted(folder.glob("*.jpg"))[:PHOTOS]
        if not photos:
            parser.error(f"{folder} holds no .jpg photos")
        spent = measure(collection, photos, arguments.runs)
    medians = {kind: round(statistics.median(seconds), 2) for kind, seconds in spent.items()}
    if arguments.json:
        print(json.dumps({"cores": core_count(), "seconds": medians}))
        return
    for kind, seconds in spent.items():
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        print(f"{kind:20} {medians[kind]:5.2f} s   {spread} over {len(seconds)} runs")


if __name__ == "__main__":
    main()
