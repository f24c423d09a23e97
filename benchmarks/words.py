"""What the words on the pack are worth, and what reading them costs: words DATA [--json FILE].

DATA has `catalogue.csv` (product_id, image, name, ...) and `truth.csv` (image, product_ids).
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection
from beautylens.evaluation.metrics import average_precision
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe
from beautylens.sample.barcode import draw_barcode
from beautylens.search.judge.scorer import PlainScorer, cosine
from beautylens.search.read import ReadPack
from beautylens.text.codes import read_barcodes

Score = dict[str, float]
GTIN = "4006381333931"


def main() -> None:
    """Measure, print a table, and write it as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--truth", default="truth.csv")
    parser.add_argument("--kind", help="only queries of this kind")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    rows = [
        row
        for row in read_truth(asked.data / asked.truth)
        if row.product_ids and asked.kind in (None, row.kind)
    ]
    with tempfile.TemporaryDirectory() as folder:
        recipe = read_recipe("fast")
        built, _ = build(asked.data / "catalogue.csv", Path(folder) / "c.lens", recipe=recipe)
        found = {**words(built, rows), **barcodes()}
    for name, value in found.items():
        print(f"{name:44} {value:8.3f}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2))


def words(built: Collection, rows: list[TruthRow]) -> Score:
    """Return mAP@7 (challenge) of the descriptor, of words alone, of both, and milliseconds."""
    read, scorer = ReadPack(), PlainScorer(cosine)
    ranked: dict[str, list[float]] = {"deep": [], "words of the short-list": [], "deep + words": []}
    spent: dict[str, list[float]] = {"read": [], "compare with texts": []}
    for row in rows:
        deep = built.parts.pipeline.search(built.photo(row.image), 100)
        assert deep.query is not None  # noqa: S101  (a search's matches keep their query)
        start = time.perf_counter()
        _ = deep.query.lines
        lines_read = time.perf_counter()
        found = read(deep.query, deep)
        spent["read"].append((lines_read - start) * 1000)
        spent["compare with texts"].append((time.perf_counter() - lines_read) * 1000)
        answers = {
            "deep": deep,
            "deep + words": scorer(found),
            "words of the short-list": found.rescored(lambda match: match.reasons.text or 0.0),
        }
        for name, answer in answers.items():
            ids = [match.product.product_id for match in answer]
            precision = average_precision(
                ids, row.product_ids, ignore=row.ignore_ids, denominator="challenge"
            )
            ranked[name].append(precision)
    scores = {f"mAP@7 {name}": statistics.fmean(values) for name, values in ranked.items()}
    return scores | {f"median ms {name}": statistics.median(times) for name, times in spent.items()}


def barcodes(count: int = 200) -> Score:
    """Return the share of drawn barcodes that are read, turned and blurred, and milliseconds."""
    right, wrong, spent = 0, 0, []
    for scene in scenes(count):
        start = time.perf_counter()
        said = read_barcodes(scene)
        spent.append((time.perf_counter() - start) * 1000)
        right += said == (f"0{GTIN}",)
        wrong += said not in ((), (f"0{GTIN}",))
    return {
        "barcodes read": right / count,
        "barcodes misread": wrong / count,
        "median ms barcode": statistics.median(spent),
    }


def scenes(count: int) -> Iterator[np.ndarray]:
    """Yield photos of 1280 x 960 pixels with a barcode: any angle, 2-5 px bars, blur, noise."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        scene = np.full((960, 1280, 3), rng.integers(60, 200), np.uint8)
        symbol = draw_barcode(GTIN, int(rng.integers(2, 6)), 260)
        top, left = 480 - 130, 640 - symbol.shape[1] // 2
        scene[top : top + 260, left : left + symbol.shape[1]] = symbol
        turn = cv2.getRotationMatrix2D((640, 480), rng.uniform(0, 360), 1.0)
        scene = cv2.warpAffine(scene, turn, (1280, 960), borderMode=cv2.BORDER_REPLICATE)
        scene = cv2.GaussianBlur(scene, (0, 0), rng.uniform(0.3, 1.5))
        noisy = scene + rng.normal(0, rng.uniform(0, 8), scene.shape)
        yield noisy.clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
