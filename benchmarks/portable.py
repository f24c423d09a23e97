"""Portable encoders: backbone x precision x megabytes x milliseconds x mAP@7.

    python benchmarks/portable.py [--data DATA] [--set beauty] [--mobilenetv2 FILE.onnx]
                                  [--side 224] [--runs 30] [--web] [--json]

As the table of the portable-features papers. Milliseconds are the median of one picture on this
processor, network, pooling and projection included: by OpenVINO, by ONNX Runtime on one core from
the portable file, and with `--web` by onnxruntime-web under Node (`npm install` in benchmarks/web
first). Eight bits are calibrated on the rendered sample. mAP@7 is of the descriptors alone, for
networks whose weights are at hand: the shipped one, and a MobileNetV2 read from a file. MobileNetV3
and ResNet-50 have random weights: they take as long. Needs `make train`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from beautylens.catalogue.truth import read_truth
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.export.backbones import build_backbone
from beautylens.features.export.cost import count_macs, count_parameters
from beautylens.features.export.onnx_import import import_onnx
from beautylens.features.export.parity import probe_pictures
from beautylens.features.export.quantise import CALIBRATED, quantise
from beautylens.features.export.timm import export_backbone
from beautylens.recipe.settings import PoolingSettings
from beautylens.sample import draw_plan, plan_sample
from beautylens.train.portable import write_portable
from training import precisions

DRAWN = {"MobileNetV3": "mobilenetv3_large_100", "ResNet-50": "resnet50"}
WEB = Path(__file__).parent / "web/describe.mjs"


def encoders(folder: Path, mobilenetv2: Path | None, side: int) -> Iterator[tuple[str, Path, bool]]:
    """Yield each backbone's name, encoder folder, and whether its weights are real."""
    yield "EfficientNet-Lite0", Encoder.load().graph.parent, True
    if mobilenetv2 is not None:
        import_onnx(mobilenetv2, folder / "mobilenetv2", side=side)
        yield "MobileNetV2", folder / "mobilenetv2", True
    for name, network in DRAWN.items():
        backbone = build_backbone(network, side=side, seed=0)
        export_backbone(backbone, folder / network, pooling=PoolingSettings())
        yield name, folder / network, False


def median_ms(call: Callable[[], Any], runs: int) -> float:
    """Return the median milliseconds of a call."""
    call()
    spent = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        spent.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(spent), 1)


def on_one_core(file: Path, side: int, runs: int) -> float:
    """Return the median milliseconds of a portable file in ONNX Runtime on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options)
    picture = {"picture": probe_pictures(side, 1)[0]}
    return median_ms(lambda: session.run(None, picture), runs)


def on_the_web(file: Path, side: int, runs: int, folder: Path) -> tuple[float, float]:
    """Return milliseconds and cosine of onnxruntime-web, the latter with ONNX Runtime's vector."""
    picture = probe_pictures(side, 1)[0]
    raw = folder / "picture.rgb"
    raw.write_bytes(picture.tobytes())
    command = ["node", WEB, file, raw, str(side), str(side), str(runs)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    (here,) = onnxruntime.InferenceSession(str(file)).run(None, {"picture": picture})
    return round(told["milliseconds"], 1), round(float(here @ np.array(told["descriptor"])), 6)


def quality(encoder: Encoder, data: Path, name: str) -> float:
    """Return mAP@7 (challenge) on a set."""
    folder = data / name
    truth = folder / ("val.csv" if (folder / "val.csv").exists() else "truth.csv")
    rows = [row for row in read_truth(truth) if row.product_ids]
    return round(float(np.mean(precisions(encoder, folder / "catalogue.csv", rows))), 3)


def measure(
    name: str, precision: str, file: Path, real: bool, arguments: argparse.Namespace, scratch: Path
) -> dict[str, Any]:
    """Return the figures of one encoder."""
    side = arguments.side
    encoder = Encoder.load(file, side=side)
    picture = probe_pictures(side, 1)
    packed = scratch / f"{name}-{precision}.onnx"
    write_portable(encoder, packed)
    row = {
        "backbone": name,
        "precision": precision,
        "megabytes": round(encoder.graph.stat().st_size / 1e6, 2),
        "portable_mb": round(packed.stat().st_size / 1e6, 2),
        "million_weights": round(count_parameters(encoder.graph) / 1e6, 2),
        "megamacs": round(count_macs(encoder.graph, side) / 1e6),
        "openvino_ms": median_ms(lambda: encoder.describe(picture), arguments.runs),
        "one_core_ms": on_one_core(packed, side, arguments.runs),
    }
    if arguments.web:
        row["web_ms"], row["web_cosine"] = on_the_web(packed, side, arguments.runs, scratch)
    if arguments.data is not None and real:
        row["map7"] = {each: quality(encoder, arguments.data, each) for each in arguments.set}
    return row


def rows(arguments: argparse.Namespace, scratch: Path) -> Iterator[dict[str, Any]]:
    """Yield the figures of every backbone in both precisions."""
    drawn = draw_plan(plan_sample(2026).first(CALIBRATED, 0), scratch / "drawn")
    shown: Sequence[Path] = sorted(drawn.catalogue.parent.rglob("*.jpg"))
    for name, folder, real in encoders(scratch, arguments.mobilenetv2, arguments.side):
        yield measure(name, "f16", folder, real, arguments, scratch)
        eight = scratch / f"{name}-int8"
        quantise(Encoder.load(folder, side=arguments.side), shown, eight, name)
        yield measure(name, "int8", eight, real, arguments, scratch)


def main() -> None:
    """Measure every backbone; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--mobilenetv2", type=Path, help="its features as ONNX")
    parser.add_argument("--set", nargs="*", default=["beauty", "grocery", "packs"])
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--web", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        for row in rows(arguments, Path(scratch)):
            if arguments.json:
                print(json.dumps(row), flush=True)
            else:
                print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
