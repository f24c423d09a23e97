"""What training gains: mAP@7 of the descriptors alone, before and after, with intervals.

    python benchmarks/training.py DATA [--set grocery] [--variants start adapter ...] [--side 192]
                                  [--epochs 3] [--wrong 0.0] [--json]

DATA holds the sets that `benchmarks/quality.py` takes. On grocery the photos of train.csv teach and
those of val.csv are measured; on the other sets, which have no photos to learn from, `uel` learns
from the gallery and truth.csv is measured. `--wrong` names another product in so many of the
training rows. Needs `make train`.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.evaluation.intervals import bootstrap_interval
from beautylens.evaluation.metrics import average_precision
from beautylens.features.encoder.base_encoder import BATCH
from beautylens.features.encoder.encoder import Encoder
from beautylens.train.run import Training
from beautylens.train.settings import PUBLISHED_UEL, TrainSettings
from beautylens.train.start import Start, from_encoder, from_timm
from beautylens.train.validate import DEPTH, first_products

Learn = Callable[[Training, Path, argparse.Namespace], Any]
LEARN: dict[str, Learn] = {
    "uel": lambda training, _, __: training.uel(),
    "crop": lambda training, _, __: training.uel(views="crop"),
    "both": lambda training, _, __: training.uel(views="both"),
    "published": lambda training, _, __: training.uel(views="crop"),
    "bank": lambda training, _, __: training.uel(bank=True),
    "cropbank": lambda training, _, __: training.uel(bank=True, views="crop"),
    "bothbank": lambda training, _, __: training.uel(bank=True, views="both"),
    "titles": lambda training, _, __: training.titles(),
    "plain": lambda training, truth, _: training.pairs(truth, penalty="plain"),
    "robust": lambda training, truth, _: training.pairs(truth),
    "simulated": lambda training, truth, _: training.pairs(truth, simulate=True),
    "distilled": lambda training, truth, _: training.pairs(truth, distil=True),
    "classes": lambda training, truth, given: training.pairs(truth, classes=given.classes),
}
"""Each also as an adapter, by the name in front, `adapter-robust`; or, as `distilled` needs it,
from timm's EfficientNet-Lite0 with its classes: `timm-distilled`, and `timm-robust` beside it.
`published` is `train uel --published`, whose batch norms learn: `timm-published`."""


def described(encoder: Encoder, paths: Sequence[Path]) -> NDArray[np.float32]:
    """Return the descriptors (N, D) of pictures."""
    starts = range(0, len(paths), BATCH)
    return np.concatenate([encoder(paths[start : start + BATCH]) for start in starts])


def precisions(encoder: Encoder, table: Path, truth: Sequence[TruthRow]) -> list[float]:
    """Return AP@7 (challenge) of each photo, by the descriptors alone."""
    catalogue = read_catalogue(table)
    rows = catalogue.rows.select(["product_id", "image"]).to_pylist()
    gallery = described(encoder, [catalogue.image_path(row["image"]) for row in rows])
    scores = described(encoder, [row.image for row in truth]) @ gallery.T
    products = [row["product_id"] for row in rows]
    found = []
    for each, wanted in zip(scores, truth, strict=True):
        ranking = first_products(each, products, DEPTH + len(wanted.ignore_ids))
        found.append(
            average_precision(
                ranking, wanted.product_ids, ignore=wanted.ignore_ids, denominator="challenge"
            )
        )
    return found


def corrupted(truth: Path, share: float, folder: Path) -> Path:
    """Write a truth table of which this share of rows names another product; return its path."""
    rng = np.random.default_rng(0)
    rows = read_truth(truth)
    products = sorted({product for row in rows for product in row.product_ids})
    path = folder / f"wrong{share}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "product_ids"])
        for row in rows:
            right = ";".join(sorted(row.product_ids))
            other = products[int(rng.integers(len(products)))]
            writer.writerow([row.image.resolve(), other if rng.random() < share else right])
    return path


def start_of(variant: str, arguments: argparse.Namespace) -> Start:
    """Return what a variant starts from: an encoder, or a network of timm with its classes."""
    side = arguments.side
    if variant.startswith("timm-"):
        return from_timm(
            "tf_efficientnet_lite0",
            side=side,
            weights=arguments.weights,
            pooling="ramac",
            classes=True,
        )
    return from_encoder(arguments.encoder, side=side, frozen=variant.startswith("adapter"))


def measure(
    folder: Path, variant: str, settings: TrainSettings, arguments: argparse.Namespace
) -> dict[str, Any]:
    """Train one variant on a set and return its figures."""
    table, taught = folder / "catalogue.csv", folder / "train.csv"
    measured = folder / ("val.csv" if taught.exists() else "truth.csv")
    truth = [row for row in read_truth(measured) if row.product_ids]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        if variant == "start":
            encoder = Encoder.load(arguments.encoder, side=arguments.side)
        else:
            out = Path(arguments.keep or scratch) / f"{folder.name}-{variant}-{arguments.wrong}"
            training = Training(
                start_of(variant, arguments),
                table,
                out,
                settings,
                adapter=variant.startswith("adapter"),
                learn_norms=variant.endswith("published"),
                maps=arguments.maps,
            )
            if arguments.wrong:
                taught = corrupted(taught, arguments.wrong, Path(scratch))
            LEARN[variant.rpartition("-")[2]](training, taught, arguments)
            encoder = Encoder.load(out)
        spent = time.perf_counter() - began
        found = precisions(encoder, table, truth)
    kinds = sorted({row.kind for row in truth if row.kind})
    return {
        "set": folder.name,
        "variant": variant,
        "wrong": arguments.wrong,
        "seconds": round(spent),
        "map7": round(float(np.mean(found)), 4),
        "interval": [round(edge, 3) for edge in bootstrap_interval(np.array(found))],
        "by_kind": {
            kind: round(
                float(
                    np.mean([p for p, row in zip(found, truth, strict=True) if row.kind == kind])
                ),
                4,
            )
            for kind in kinds
        },
    }


def main() -> None:
    """Measure every variant; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="grocery")
    parser.add_argument(
        "--variants", nargs="*", default=["start", "adapter-plain", "adapter-robust"]
    )
    parser.add_argument("--encoder", default="default", help="what training starts from")
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wrong", type=float, default=0.0, help="share of wrong training rows")
    parser.add_argument("--maps", type=Path, help="keep the adapters' maps here")
    parser.add_argument("--keep", type=Path, help="keep the trained encoders here")
    parser.add_argument("--weights", type=Path, help="of tf_efficientnet_lite0, with its classes")
    parser.add_argument("--classes", type=Path, help="folder of labelled pictures of `classes`")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    changes = {"epochs": arguments.epochs, "rate": arguments.rate, "seed": arguments.seed}
    for variant in arguments.variants:
        base = PUBLISHED_UEL if variant.endswith("published") else TrainSettings()
        settings = base.model_copy(update=changes)
        row = measure(arguments.data / arguments.set, variant, settings, arguments)
        if arguments.json:
            print(json.dumps(row), flush=True)
            continue
        low, high = row["interval"]
        kinds = "  ".join(f"{kind} {value:.3f}" for kind, value in row["by_kind"].items())
        print(
            f"{variant:18}{row['map7']:.3f} [{low:.3f}, {high:.3f}]  {kinds}  {row['seconds']} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
