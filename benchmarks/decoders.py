"""What it costs to decode a picture in another process, as the server does with strangers'.

    python benchmarks/decoders.py [--rounds 40] [--json]

Milliseconds of processor time a picture, of both processes together, beside decoding it in the
asking one: JPEGs of a few sizes, whole.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from beautylens.images.decode import decode_scaled
from beautylens.serve.decoders import Decoders

SIZES = ((640, 480), (1280, 960), (2016, 1512))


def jpeg(width: int, height: int) -> bytes:
    """Return a picture of coarse colours."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(file, "JPEG")
    return file.getvalue()


def spent(pid: int) -> float:
    """Return the milliseconds that the threads of a process have run (Linux)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text("ascii").split()[0]) for thread in threads) / 1e6


def measured(work: Callable[[], object], rounds: int, other: int | None) -> float:
    """Return the milliseconds that this process, and another one, spend on a piece of work."""
    for _ in range(3):
        work()
    here, there = time.process_time(), spent(other) if other else 0.0
    for _ in range(rounds):
        work()
    there = (spent(other) if other else 0.0) - there
    return ((time.process_time() - here) * 1000 + there) / rounds


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    decoders = Decoders(1, 1 << 30)
    decoders.start()
    (pid,) = decoders.pids
    rows = []
    for width, height in SIZES:
        data = jpeg(width, height)
        here = measured(lambda data=data: decode_scaled(data), arguments.rounds, None)
        there = measured(lambda data=data: decoders.decode(data), arguments.rounds, pid)
        rows.append({"size": f"{width} x {height}", "here": here, "elsewhere": there})
    decoders.close()
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{'pixels':>12}{'here':>8}{'elsewhere':>11}{'cost':>7}   ms")
    for row in rows:
        cost = row["elsewhere"] - row["here"]
        print(f"{row['size']:>12}{row['here']:8.1f}{row['elsewhere']:11.1f}{cost:7.1f}")


if __name__ == "__main__":
    main()
