"""Properties of a portable encoder file, for `beautylens encoder info`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from beautylens.features.encoder.openvino import compile_graph, portable_of, threads_of
from beautylens.features.export.cost import count_parameters
from beautylens.features.timing import Timing, time_runs

# Size of the picture that is timed, as of a phone's preview.
HEIGHT, WIDTH = 640, 480


def collect_portable_facts(name: str) -> dict[str, Any] | None:
    """Return the properties of a portable file as JSON values; None for other files."""
    file = Path(name)
    if file.suffix != ".onnx" or not file.is_file() or (made_of := portable_of(file)) is None:
        return None
    run = compile_graph(file)
    picture = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    return {
        "name": file.stem,
        "file": str(file),
        "kind": "portable: maps a picture of any size to its descriptor",
        "made_of": made_of,
        "dimensions": len(run([picture])[0]),
        "parameters": count_parameters(file),
        "megabytes": round(file.stat().st_size / 1e6, 2),
        **speed_facts(time_runs(lambda: run([picture])), threads_of(run)),
    }


def speed_facts(timing: Timing, threads: int | None) -> dict[str, Any]:
    """Return the time per picture, and how it was measured, as JSON values."""
    return {
        "milliseconds": round(timing.median, 1),
        "milliseconds_quartiles": [round(each, 1) for each in timing.quartiles],
        "timed_runs": timing.runs,
        "threads": "GPU" if threads is None else threads,
    }
