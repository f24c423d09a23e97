"""Single precision, bfloat16 and eight bits: speed, closeness to single, and quality beside it.

    python benchmarks/precision.py DATA [--sets beauty packs grocery] [--every 1] [--limit 64]
                                   [--runs 3] [--json]

DATA is as `benchmarks/quality.py` takes it; the recipe is `fast`, the query never in the gallery.
Eight bits are what `beautylens encoder quantise` makes of pictures of the rendered sample, run by
OpenVINO. Bfloat16 takes part where the processor has it. Needs `make train`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32
from beautylens.catalogue.truth import read_truth
from beautylens.evaluation.metrics import summarise
from beautylens.evaluation.run import run_queries
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.export.quantise import CALIBRATED, quantise
from beautylens.indexing import build, recipe_with
from beautylens.ingest.fill import Described, Describer
from beautylens.runtime.openvino import has_bfloat16
from beautylens.sample import draw_plan, plan_sample


def describe(encoder: Encoder, paths: Sequence[Path]) -> tuple[Float32, float]:
    """Return the descriptors (N, D) of pictures and the milliseconds that each took."""
    rows = [
        {"image_id": str(path), "product_id": "", "image": str(path), "row": number}
        for number, path in enumerate(paths)
    ]
    start = time.perf_counter()
    found = list(Describer(encoder, keypoints=0, longest=0)(rows, Path.cwd()))
    spent = (time.perf_counter() - start) * 1000 / len(paths)
    return np.stack([row.descriptor for row in found if isinstance(row, Described)]), spent


def quality(folder: Path, encoder: str, every: int) -> float:
    """Return mAP@7 (challenge) of the recipe `fast` with this encoder on a set."""
    table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
    truth = list(read_truth(table))[::every]
    with tempfile.TemporaryDirectory() as scratch:
        recipe = recipe_with("fast", encoder)
        collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=recipe)
        return float(summarise(list(run_queries(collection, truth))).overall.map7_challenge)


def main() -> None:
    """Measure every precision; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="*", default=["beauty", "packs", "grocery"])
    parser.add_argument("--every", type=int, default=1, help="measure every n-th photo")
    parser.add_argument("--limit", type=int, default=64, help="pictures to time and compare")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    paths = list(
        islice(sorted((arguments.data / "beauty" / "gallery").glob("*.jpg")), arguments.limit)
    )
    with tempfile.TemporaryDirectory() as scratch:
        drawn = draw_plan(plan_sample(2026).first(CALIBRATED, 0), Path(scratch) / "drawn")
        shown = sorted(drawn.catalogue.parent.rglob("*.jpg"))[:CALIBRATED]
        eight = Path(scratch) / "eight"
        quantise(Encoder.load(), shown, eight, "eight")
        encoders = {"f32": Encoder.load(precision="f32"), "int8": Encoder.load(eight)}
        if has_bfloat16():
            encoders["bf16"] = Encoder.load(precision="bf16")
        rows: dict[str, Float32] = {n: describe(e, paths)[0] for n, e in encoders.items()}
        spent: dict[str, list[float]] = {name: [] for name in encoders}
        for _ in range(arguments.runs):
            for name, encoder in encoders.items():
                spent[name].append(describe(encoder, paths)[1])
        for name in encoders:
            # What OpenVINO chooses by itself is bfloat16 where there is any, else single.
            file = str(eight) if name == "int8" else "default"
            measured = name != "f32" or not has_bfloat16()
            cosines = (rows[name] * rows["f32"]).sum(axis=1)
            report(
                {
                    "precision": name,
                    "ms": round(statistics.median(spent[name]), 1),
                    "cosine": round(float(cosines.mean()), 4),
                    "lowest": round(float(cosines.min()), 4),
                    "map7": {
                        each: round(quality(arguments.data / each, file, arguments.every), 3)
                        for each in (arguments.sets if measured else [])
                    },
                },
                arguments.json,
            )


def report(row: dict[str, Any], as_json: bool) -> None:
    """Print one precision's figures."""
    if as_json:
        print(json.dumps(row), flush=True)
        return
    sets = "  ".join(f"{name} {value:.3f}" for name, value in row["map7"].items())
    print(
        f"{row['precision']:6}{row['ms']:8.1f} ms   cosine {row['cosine']:.4f}, lowest "
        f"{row['lowest']:.4f}   {sets}",
        flush=True,
    )


if __name__ == "__main__":
    main()
