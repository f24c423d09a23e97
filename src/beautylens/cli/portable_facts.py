"""What `beautylens encoder info` says of a portable file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from beautylens.features.encoder.openvino import compile_graph, portable_of, threads_of
from beautylens.features.export.cost import count_parameters
from beautylens.features.timing import Timing, time_runs

# Pixels of the picture that is timed: a phone's preview.
HEIGHT, WIDTH = 640, 480


def collect_portable_facts(name: str) -> dict[str, Any] | None:
    """Return what there is to say of a portable file, as plain JSON values; None for others."""
    file = Path(name)
    if file.suffix != ".onnx" or not file.is_file() or (made_of := portable_of(file)) is None:
        return None
    run = compile_graph(file)
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return {
        "name": file.stem,
        "file": str(file),
        "kind": "portable: takes a picture of any size, gives its descriptor",
        "made_of": made_of,
        "dimensions": len(run([picture])[0]),
        "parameters": count_parameters(file),
        "megabytes": round(file.stat().st_size / 1e6, 2),
        **speed_facts(time_runs(lambda: run([picture])), threads_of(run)),
    }


def speed_facts(timing: Timing, threads: int | None) -> dict[str, Any]:
    """Return how long a picture takes, and what it was measured with, as plain JSON values."""
    return {
        "milliseconds": round(timing.median, 1),
        "milliseconds_quartiles": [round(each, 1) for each in timing.quartiles],
        "timed_runs": timing.runs,
        "threads": "GPU" if threads is None else threads,
    }
