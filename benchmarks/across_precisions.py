"""A gallery described in one precision and searched in another; and the pack read by two engines.

    python benchmarks/across_precisions.py DATA [--sets beauty packs grocery] [--every 1 4 4]
                                           [--reading] [--json]

DATA is as `benchmarks/quality.py` takes it; the recipe is `default`. For each pair of precisions:
mAP@7, and beside single precision on both sides the photos whose first product and whose verdict
are the same, and the largest difference of a probability. `--reading` compares what OpenVINO's
engine reads, in each precision, with what ONNX Runtime's reads on the same photos.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rapidocr.inference_engine.openvino import device_config

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import open_collection
from beautylens.evaluation.metrics import QueryResult, summarise
from beautylens.evaluation.run import run_queries
from beautylens.features.encoder.precision import PRECISION_VARIABLE, chosen_precision
from beautylens.images.decode import decode
from beautylens.indexing import build
from beautylens.text import ocr


def answers(table: Path, lens: Path, truth: Sequence[TruthRow], pair: Sequence[str]) -> list[Any]:
    """Return the results of photos against a gallery: (described, searched) precisions."""
    described, searched = pair
    os.environ[PRECISION_VARIABLE] = described
    build(table, lens / described)
    os.environ[PRECISION_VARIABLE] = searched
    return list(run_queries(open_collection(lens / described), truth))


def compared(base: Sequence[QueryResult], other: Sequence[QueryResult]) -> dict[str, Any]:
    """Return how many answers are the same in two runs, and how far probabilities lie apart."""
    pairs = [
        (a.matches, b.matches) for a, b in zip(base, other, strict=True) if a.matches and b.matches
    ]
    return {
        "photos": len(pairs),
        "same_first": sum(a[0].product.product_id == b[0].product.product_id for a, b in pairs),
        "same_verdict": sum(a.verdict == b.verdict for a, b in pairs),
        "apart": round(max(abs((a.probability or 0) - (b.probability or 0)) for a, b in pairs), 3),
        "map7": round(summarise(list(other)).overall.map7_challenge, 3),
    }


def read_all(photos: Sequence[Path], precision: str | None) -> tuple[list[set[str]], float]:
    """Return what OpenVINO reads on photos, or ONNX Runtime for None, and the median ms."""
    reader = ocr.Reader()
    first = decode(photos[0], least_side=ocr.READABLE_SIDE)
    with nullcontext() if precision is None else _openvino_in(precision):
        if precision is not None:
            engine = _openvino_engine()
            reader._once(lambda: engine)
        # RapidOCR compiles its networks when they are first used.
        reader(first)
    lines, spent = [], []
    for photo in photos:
        pixels = decode(photo, least_side=ocr.READABLE_SIDE)
        start = time.perf_counter()
        lines.append({line.text for line in reader(pixels)})
        spent.append((time.perf_counter() - start) * 1000)
    return lines, statistics.median(spent)


@contextmanager
def _openvino_in(precision: str) -> Iterator[None]:
    """Have RapidOCR's settings of OpenVINO, which do not name a precision, name this one."""
    own = device_config.CPUConfig.get_config
    hint = {"INFERENCE_PRECISION_HINT": precision}
    device_config.CPUConfig.get_config = lambda self: {**own(self), **hint}
    try:
        yield
    finally:
        device_config.CPUConfig.get_config = own


def _openvino_engine() -> Any:
    """Return RapidOCR over OpenVINO."""
    from rapidocr import EngineType, RapidOCR

    settings: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.text_score": ocr.MIN_CONFIDENCE,
        "Det.limit_type": "max",
        "Det.limit_side_len": 640,
    }
    for part, file in ocr.network_files().items():
        settings[f"{part}.engine_type"] = EngineType.OPENVINO
        settings[f"{part}.model_path"] = str(file)
    return RapidOCR(params=settings)


def main() -> None:
    """Measure every set; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--every", nargs="+", type=int, default=[1, 8, 6])
    parser.add_argument("--reading", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    precisions = ["f32", "bf16"] if chosen_precision() == "bf16" else ["f32"]
    shown: list[Path] = []
    for name, every in zip(arguments.sets, arguments.every, strict=False):
        folder = arguments.data / name
        table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
        truth = list(read_truth(table))[::every]
        shown += [Path(str(row.image)) for row in truth]
        if arguments.reading:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            base: list[QueryResult] = []
            for pair in [(one, other) for one in precisions for other in precisions]:
                found = answers(folder / "catalogue.csv", Path(scratch), truth, pair)
                base = base or found
                report(
                    {
                        "set": name,
                        "described": pair[0],
                        "searched": pair[1],
                        **compared(base, found),
                    },
                    arguments.json,
                )
    if arguments.reading:
        base_lines, spent = read_all(shown, None)
        report(
            {"engine": "onnxruntime", "ms": round(spent, 1), "photos": len(shown)}, arguments.json
        )
        for precision in precisions:
            lines, spent = read_all(shown, precision)
            differ = sum(one != other for one, other in zip(base_lines, lines, strict=True))
            report(
                {"engine": f"openvino {precision}", "ms": round(spent, 1), "differ": differ},
                arguments.json,
            )


def report(row: Mapping[str, Any], as_json: bool) -> None:
    """Print one line of figures."""
    print(json.dumps(row) if as_json else "  ".join(f"{k} {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    main()
