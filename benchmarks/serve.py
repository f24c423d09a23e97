"""Searches a second over HTTP, and how long each takes, by how many clients ask at a time.

    python benchmarks/serve.py [--collection FOLDER] [--clients 1 8 32] [--seconds 10]
                               [--workers 1] [--address URL] [--photos FOLDER] [--json]

A server in a process of its own answers clients of this one on loopback, print read as the recipe
has it. Without a collection the rendered sample is indexed. Each count of clients is measured in
turn, after a warm-up; a request that is told to come back (429) waits as long as it is told. With
an address, what answers there is measured, such as nginx in front of several servers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path

import requests

from beautylens.runtime.threads import core_count
from concurrency import prepared, spread


@contextmanager
def server(collection: Path, workers: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Have a server answer until the block ends; gives its address and process."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "beautylens",
            "serve",
            str(collection),
            "--port",
            "0",
            "--workers",
            str(workers),
            "--seconds",
            "120",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.stdout.readline().split()[-1], process
    finally:
        process.terminate()
        process.wait()


def asked(address: str, photos: Sequence[bytes], clients: int, seconds: float) -> dict:
    """Return searches a second and the spread of their milliseconds, for so many clients."""
    until = time.perf_counter() + seconds
    answers: Counter[int] = Counter()

    def client(number: int) -> list[float]:
        spent = []
        with requests.Session() as session:
            for photo in islice(cycle(photos), number, None):
                start = time.perf_counter()
                if start >= until:
                    return spent
                answer = session.post(f"{address}/v1/search", files={"image": photo}, timeout=300)
                answers[answer.status_code] += 1
                if answer.ok:
                    spent.append((time.perf_counter() - start) * 1000)
                else:
                    time.sleep(float(answer.headers.get("Retry-After", 1)))
        return spent

    return {**spread(client, clients), "answers": dict(answers)}


def resident(process: int) -> int:
    """Return the resident bytes of a process and of those that it started."""
    listed = subprocess.run(
        ["ps", "-o", "rss=", "--pid", str(process), "--ppid", str(process)],
        capture_output=True,
        text=True,
        check=True,
    )
    return 1024 * sum(map(int, listed.stdout.split()))


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path)
    parser.add_argument("--photos", type=Path, help="folder of .jpg photos")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--address", help="of what answers already")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        collection, photos = prepared(arguments.collection, arguments.photos, scratch)
        files = [path.read_bytes() for path in sorted(photos.glob("*.jpg"))]
        address, process = arguments.address, None
        if address is None:
            address, process = stack.enter_context(server(collection, arguments.workers))
        asked(address, files, 2, 3)
        rows = [asked(address, files, n, arguments.seconds) for n in arguments.clients]
        memory = resident(process.pid) if process else 0
    result = {
        "cores": core_count(),
        "workers": arguments.workers,
        "resident_mb": round(memory / 1e6),
        "rows": rows,
    }
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{result['cores']} cores, {arguments.workers} workers, {result['resident_mb']} MB")
    print(f"{'clients':>7} {'a second':>9} {'median ms':>10} {'p95 ms':>8}  answers")
    for row in rows:
        print(
            f"{row['clients']:>7} {row['per_second']:>9} {row['median_ms']:>10} {row['p95_ms']:>8}"
            f"  {row['answers']}"
        )


if __name__ == "__main__":
    main()
