"""Properties of an encoder that `beautylens encoder info` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.openvino import compile_graph, portable_of, threads_of
from beautylens.features.export.cost import count_macs, count_parameters
from beautylens.features.export.parity import probe_pictures
from beautylens.features.timing import Timing, time_runs

# Size of the picture that is timed in pixels, that of a phone's camera preview.
HEIGHT, WIDTH = 640, 480


def collect_facts(encoder: Encoder) -> dict[str, Any]:
    """Return the properties of an encoder as JSON values."""
    spec = encoder.spec
    picture = probe_pictures(spec.side, 1)
    return {
        "name": spec.name,
        "file": str(encoder.graph),
        "side": spec.side,
        "fixed_side": spec.fixed_side,
        "stride": spec.stride,
        "pooling": spec.pooling.name,
        "whitening": encoder.whitening is not None,
        "dimensions": encoder.dimensions,
        "parameters": count_parameters(encoder.graph),
        "megamacs": round(count_macs(encoder.graph, spec.side) / 1e6),
        "megabytes": megabytes(encoder),
        "licence": spec.licence,
        "fingerprint": encoder.fingerprint,
        **_speed_facts(time_runs(lambda: encoder.describe(picture)), encoder.threads),
    }


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
        **_speed_facts(time_runs(lambda: run([picture])), threads_of(run)),
    }


def _speed_facts(timing: Timing, threads: int | None) -> dict[str, Any]:
    """Return the time per picture, and how it was measured, as JSON values."""
    return {
        "milliseconds": round(timing.median, 1),
        "milliseconds_quartiles": [round(each, 1) for each in timing.quartiles],
        "timed_runs": timing.runs,
        "threads": "GPU" if threads is None else threads,
    }


def megabytes(encoder: Encoder) -> float:
    """Return the size of an encoder's graph file in MB."""
    return round(encoder.graph.stat().st_size / 1e6, 2)
