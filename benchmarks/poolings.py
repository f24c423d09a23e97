"""The six poolings of one network, each with one view of the query and with three.

    python benchmarks/poolings.py DATA [--side 384] [--json] [--sets beauty packs grocery]

Every picture passes through the network once per view and all poolings read the same maps. No
keypoints; `shipped` is the default encoder with its whitening.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.evaluate.metrics import Denominator, average_precision, recall_at
from beautylens.features.encoder import BATCH, Encoder
from beautylens.features.pooling import POOLINGS, unit_rows
from beautylens.images.decode import decode
from beautylens.images.fit import centre
from beautylens.recipe import read_recipe

SHIPPED = "shipped"
Asked = tuple[list[str], frozenset[str], frozenset[str]]


def describe(encoder: Encoder, paths: Sequence[Path], view: float) -> dict[str, np.ndarray]:
    """Return the descriptors of pictures under every pooling: name to (N, D)."""
    rows: dict[str, list[np.ndarray]] = {name: [] for name in (*POOLINGS, SHIPPED)}
    for start in range(0, len(paths), BATCH):
        pictures = [decode(path) for path in paths[start : start + BATCH]]
        maps = encoder.feature_maps(
            np.stack([encoder.fit(centre(picture, view)) for picture in pictures])
        )
        pooled = {name: pooling(maps) for name, pooling in POOLINGS.items()}
        assert encoder.whitening is not None  # noqa: S101  (the shipped encoder has one)
        pooled[SHIPPED] = encoder.whitening(pooled[encoder.spec.pooling.name])
        for name, values in pooled.items():
            rows[name].append(values)
    return {name: np.concatenate(values) for name, values in rows.items()}


def score(
    queries: np.ndarray, gallery: np.ndarray, products: np.ndarray, truth: list[TruthRow]
) -> dict[str, float]:
    """Return mAP@7 (challenge), mAP@7 (all) and recall@100 by an exact scan."""
    order = np.argsort(-(queries @ gallery.T), axis=1, kind="stable")
    rankings = [list(dict.fromkeys(products[row].tolist())) for row in order]
    asked = [
        (ranking, row.product_ids, row.ignore_ids)
        for ranking, row in zip(rankings, truth, strict=True)
        if row.product_ids
    ]
    return {
        "map7_challenge": mean_precision(asked, "challenge"),
        "map7_all": mean_precision(asked, "all"),
        "recall100": float(np.mean([recall_at(r, truths, 100, i) for r, truths, i in asked])),
    }


def mean_precision(asked: list[Asked], denominator: Denominator) -> float:
    """Return the mean AP@7 over the queries that have a truth."""
    return float(
        np.mean(
            [
                average_precision(r, truths, ignore=i, denominator=denominator)
                for r, truths, i in asked
            ]
        )
    )


def main() -> None:
    """Measure and print a line for each set, pooling and number of views."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--side", type=int, help="another input side than the encoder's, pixels")
    arguments = parser.parse_args()
    encoder = Encoder.load(side=arguments.side)
    views = read_recipe("default").retrieve.views
    for name in arguments.sets:
        folder = arguments.data / name
        catalogue = read_catalogue(folder / "catalogue.csv")
        table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
        truth = list(read_truth(table))
        paths = [catalogue.image_path(image) for image in catalogue.rows["image"].to_pylist()]
        gallery = describe(encoder, paths, 1.0)
        seen = [describe(encoder, [row.image for row in truth], view) for view in views]
        products = np.array(catalogue.rows["product_id"].to_pylist())
        for pooling, vectors in gallery.items():
            for count in (1, len(views)):
                queries = unit_rows(np.sum([view[pooling] for view in seen[:count]], axis=0))
                figures = score(queries, vectors, products, truth)
                report(name, pooling, count, figures, as_json=arguments.json)


def report(
    name: str, pooling: str, views: int, figures: dict[str, float], *, as_json: bool
) -> None:
    """Print one line of figures."""
    if as_json:
        rounded = {key: round(value, 4) for key, value in figures.items()}
        print(json.dumps({"set": name, "pooling": pooling, "views": views, **rounded}), flush=True)
        return
    text = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
    print(f"{name:8} {pooling:8} {views} view{'s' if views > 1 else ' '}  {text}", flush=True)


if __name__ == "__main__":
    main()
