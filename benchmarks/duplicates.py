"""Copies of pictures and pictures of other products: which of them pass for the same picture.

    python benchmarks/duplicates.py DATA [--sets beauty packs] [--pictures 40] [--json]

DATA holds a folder a set with catalogue.csv; `sample` is the rendered catalogue and needs no data.
Copies are made of some pictures: encoded again, halved, shrunk to 200 pixels, framed, trimmed. A
copy is found if its descriptor is near enough and it passes for its picture. `close` counts
pairs of pictures of two products that are near enough, `listed` groups that a person has to judge.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from beautylens.arrays import UInt8
from beautylens.collection import Collection
from beautylens.evaluation.duplicates.duplicates import (
    ALIKE,
    find_duplicates,
    same_details,
    same_thumbnail,
)
from beautylens.images.decode import decode
from beautylens.images.fit import centre, shrink
from beautylens.images.near_duplicates import FINE
from beautylens.images.thumbnail import SIDE
from beautylens.indexing import build
from beautylens.sample import write_sample_catalogue


def encoded(picture: UInt8, quality: int = 85) -> UInt8:
    """Return a picture as a JPEG file of this quality shows it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return decode(file.getvalue(), name="a copy")


def framed(picture: UInt8) -> UInt8:
    """Return a picture with a tenth of white around it."""
    rows, columns = (length // 10 for length in picture.shape[:2])
    edge = (rows, rows, columns, columns)
    white = cv2.copyMakeBorder(picture, *edge, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    return np.asarray(white, np.uint8)


COPIES: dict[str, Callable[[UInt8], UInt8]] = {
    "JPEG 50": lambda picture: encoded(picture, 50),
    "halved": lambda picture: encoded(shrink(picture, max(picture.shape[:2]) // 2)[0]),
    "200 pixels": lambda picture: encoded(shrink(picture, 200)[0]),
    "framed": lambda picture: encoded(framed(picture)),
    "trimmed 6 %": lambda picture: encoded(centre(picture, 0.94)),
}


def shares_found(collection: Collection, pictures: int) -> dict[str, float]:
    """Return for each kind of copy the share that the command would find."""
    batches = collection.gallery.rows.stream(["path"])
    paths = sorted(path for batch in batches for path in batch["path"].to_pylist())
    chosen = paths[:: max(1, len(paths) // pictures)]
    found: dict[str, list[bool]] = {name: [] for name in COPIES}
    encoder = collection.encoder
    for path in chosen:
        picture = decode(path)
        for name, copied in COPIES.items():
            copy = copied(picture)
            one, other = encoder.describe([encoder.fit(picture), encoder.fit(copy)])
            passes = (
                one @ other >= ALIKE
                and same_thumbnail(shrink(picture, SIDE)[0], shrink(copy, SIDE)[0])
                and same_details(shrink(picture, FINE)[0], shrink(copy, FINE)[0])
            )
            found[name].append(bool(passes))
    return {name: round(float(np.mean(hits)), 2) for name, hits in found.items()}


def close_and_listed(collection: Collection) -> dict[str, int]:
    """Return how many pairs of products are near, and how many groups the command lists."""
    gallery = collection.gallery
    ids = sorted(gallery.rows.image_ids())
    descriptors = gallery.rows.descriptors(ids)
    images = gallery.rows.images(ids)
    products = np.array([images[image_id].product.product_id for image_id in ids])
    near = np.triu(descriptors @ descriptors.T >= ALIKE, 1)
    close = near & (products[:, None] != products)
    groups = find_duplicates(gallery, lambda steps, _: steps)
    return {"close": int(close.sum()), "listed": len(groups)}


def main() -> None:
    """Measure every set; print a line each, as a table or as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery", "sample"])
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.sets:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "sample" if name == "sample" else arguments.data / name
            if name == "sample":
                write_sample_catalogue(folder)
            collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens")
            found = shares_found(collection, arguments.pictures)
            row = {"set": name, **found, **close_and_listed(collection)}
        plain = "  ".join(f"{key} {value}" for key, value in row.items())
        print(json.dumps(row) if arguments.json else plain, flush=True)


if __name__ == "__main__":
    main()
