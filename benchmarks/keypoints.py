"""How many keypoints, of what size and in how many bits: quality against time and room.

    python benchmarks/keypoints.py DATA [--sets beauty packs grocery] [--every 1] [--json]

DATA holds a folder a set. Every variant compares the same photos with the same short-lists of the
default recipe, by keypoints and cosine alone. `certain` is the mean logarithm of the right
products' share of all probability; 0 is certainty, and it ranks variants where mAP@7 cannot.
`compare` is the milliseconds to compare a photo with its short-list, `take` those to take its
keypoints, medians; `bytes` is the mean stored size of a picture's keypoints.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.assemble.parts import make_local_features
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.evaluation.metrics import average_precision
from beautylens.features.local.extractors import Detector
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.decode import decode
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe
from beautylens.results import Matches
from beautylens.search.judge.judge import Judge
from beautylens.search.judge.parameters import read_judge_parameters


@dataclass(frozen=True, slots=True)
class Variant:
    """What is taken from catalogue pictures and photos, and how finely it is kept."""

    gallery: int = 500
    query: int = 800
    longest: int = 640
    steps: int = 56
    most: int = 15
    contrast: float = 0.04

    def extractor(self) -> Detector:
        """Return what takes its keypoints."""
        encode = partial(rooted, steps=self.steps, most=self.most)
        return Detector(Sift(self.contrast), encode, "l2")


@dataclass(frozen=True, slots=True)
class Sift:
    """OpenCV's SIFT with another contrast threshold."""

    contrast: float

    def create(self, nfeatures: int) -> Any:
        """Return the detector."""
        return cv2.SIFT.create(nfeatures=nfeatures, contrastThreshold=self.contrast)


VARIANTS = (
    Variant(query=1200, steps=512, most=255),
    Variant(steps=512, most=255),
    Variant(query=500, steps=512, most=255),
    Variant(),
    Variant(query=1200),
    Variant(steps=43),
    Variant(gallery=400),
    Variant(gallery=300),
    Variant(gallery=200),
    Variant(longest=480),
    Variant(longest=800),
    Variant(contrast=0.02),
    Variant(contrast=0.06),
)


def rooted(descriptors: Float32, *, steps: int, most: int) -> UInt8:
    """Return SIFT descriptors as RootSIFT, in so many steps a unit, cut off at `most`."""
    sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12)
    return np.minimum(np.rint(np.sqrt(descriptors / sums) * steps), most).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Asked:
    """A photo, its truth and its short-list."""

    row: TruthRow
    pixels: UInt8
    matches: Matches


def short_lists(folder: Path, every: int) -> list[Asked]:
    """Return the photos that show a product, with the default recipe's short-lists."""
    table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
    rows = [row for row in read_truth(table) if row.product_ids and row.kind != "loose"]
    recipe = read_recipe("default").model_copy(
        update={"verify": None, "colour": None, "compare_text": None, "read": None}
    )
    with tempfile.TemporaryDirectory() as scratch:
        collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=recipe)
        photos = [(row, collection.photo(row.image)) for row in rows[::every]]
        pipeline = collection.parts.pipeline
        return [
            Asked(row, photo.pixels, pipeline.find_evidence(pipeline.describe(photo)))
            for row, photo in photos
        ]


def measure(asked: Sequence[Asked], variant: Variant, judge: Judge) -> dict[str, float]:
    """Return the figures of a variant on one set."""
    recipe = read_recipe("default")
    assert recipe.keypoints is not None  # noqa: S101  (the default recipe has them)
    assert recipe.verify is not None  # noqa: S101  (and verifies)
    local = replace(
        make_local_features(recipe.keypoints, recipe.verify), extractor=variant.extractor()
    )
    pictures = {match.image_id: match.image for each in asked for match in each.matches}
    stored = {
        image_id: take_stored(local, decode(image, least_side=640), variant.gallery)
        for image_id, image in pictures.items()
    }
    photo = replace(local, longest=variant.longest, limit=variant.query)
    taken = [timed(partial(photo.extract, each.pixels)) for each in asked]
    found = [
        timed(partial(photo.compare_all, query, [stored[match.image_id] for match in each.matches]))
        for each, (query, _) in zip(asked, taken, strict=True)
    ]
    precision, certain = [], []
    for each, (agreements, _) in zip(asked, found, strict=True):
        rows = (
            replace(match, reasons=replace(match.reasons, inliers=agreement.count))
            for match, agreement in zip(each.matches, agreements, strict=True)
        )
        answer = judge(Matches(tuple(rows)))
        precision.append(precision_of(answer, each.row))
        certain.append(certainty_of(answer, each.row))
    return {
        "map7": round(statistics.mean(precision), 3),
        "certain": round(statistics.mean(certain), 3),
        "compare_ms": round(statistics.median(spent for _, spent in found), 1),
        "take_ms": round(statistics.median(spent for _, spent in taken), 1),
        "bytes": round(statistics.mean(len(each.to_bytes()) for each in stored.values())),
    }


def take_stored(local: LocalFeatures, picture: UInt8, limit: int) -> Keypoints:
    """Return a catalogue picture's keypoints as an index keeps them."""
    return Keypoints.from_bytes(replace(local, limit=limit).extract(picture).to_bytes())


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the milliseconds it took."""
    start = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - start) * 1000


def precision_of(answer: Matches, row: TruthRow) -> float:
    """Return the average precision at seven, ignored products left out."""
    ids = [match.product.product_id for match in answer]
    counted = [product for product in ids if product not in row.ignore_ids]
    return average_precision(counted[:7], row.product_ids, denominator="challenge")


def certainty_of(answer: Matches, row: TruthRow) -> float:
    """Return ln of the right products' share of the probability of all."""
    total = sum(match.probability or 0.0 for match in answer)
    right = sum(
        match.probability or 0.0 for match in answer if match.product.product_id in row.product_ids
    )
    return float(np.log(max(right / total, 1e-6)))


def main() -> None:
    """Measure every variant on every set; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--every", type=int, default=1, help="measure every n-th photo")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    judge = Judge(read_judge_parameters("default"))
    for name in arguments.sets:
        asked = short_lists(arguments.data / name, arguments.every)
        for variant in VARIANTS:
            row = {"set": name, **asdict(variant), **measure(asked, variant, judge)}
            print(json.dumps(row) if arguments.json else as_line(row), flush=True)


def as_line(row: dict[str, Any]) -> str:
    """Return a row for a person."""
    return (
        f"{row['set']:8} {row['gallery']:4}/{row['query']:<5} at {row['longest']} px, "
        f"{row['most'] + 1:3} steps of 1/{row['steps']:<3} contrast {row['contrast']:.2f}  "
        f"mAP@7 {row['map7']:.3f}  certain {row['certain']:+.3f}  compare "
        f"{row['compare_ms']:.0f} ms  take {row['take_ms']:.0f} ms  {row['bytes']:,} bytes"
    )


if __name__ == "__main__":
    main()
