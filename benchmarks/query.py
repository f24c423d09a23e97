"""The whole query against the source papers' way: the same photos, as many products.

    python benchmarks/query.py [--quick] [--products 50000] [--collection FOLDER] [--json]

Theirs: PyTorch eager at 224 pixels, an exact scan of 2,048 single-precision numbers a product by
NumPy, SIFT of the photo, an OpenCV FLANN loop over 100 pictures of 500 keypoints at most. `ratio`
compares the default recipe, print left unread, with SENet-154, their best system;
`ratio_same_network` compares ResNet-50 on both sides, which then both take one view of the photo.
Networks have random weights: they take as long. Decoding is counted; the gallery's keypoints lie in
memory for them, on disk for us. The collections are the rendered sample, recombined; `--collection`
names one that benchmarks/half_million.py made. Every way takes each photo in turn. Needs `make
train`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

import beautylens as bl
from beautylens.arrays import Float32
from beautylens.collection import Collection, open_collection
from beautylens.errors import EncoderError
from beautylens.features.encoder.pooling import unit_rows
from beautylens.images.fit import shrink
from beautylens.indexing import recipe_with
from beautylens.recipe.settings import PoolingSettings
from beautylens.sample import SamplePaths, draw_plan, plan_sample
from half_million import grow, unread

# Seconds in which the threads of the way before stop spinning.
PAUSE = 0.3
SIDE, LENGTH, DEPTH, KEYPOINTS, LONGEST, RATIO = 224, 2048, 100, 500, 640, 0.85
BEST, SAME = "legacy_senet154", "resnet50"
DRAWN = 120
Way = Callable[[Path], Any]


def ours(collection: Collection, views: Sequence[float] | None = None) -> Way:
    """Return a search by a collection's own recipe, print left unread.

    Args:
        collection: where to search.
        views: of the photo; the recipe's by default.
    """
    recipe = unread(collection.recipe)
    if views is not None:
        retrieve = recipe.retrieve.model_copy(update={"views": tuple(views)})
        recipe = recipe.model_copy(update={"retrieve": retrieve})
    collection.search_by(recipe)
    return collection.search


def theirs(backbone: Any, gallery: Float32, keypoints: Sequence[Float32]) -> Way:
    """Return the papers' way: eager network, exact scan, a FLANN matcher for each picture.

    Args:
        backbone: what `build_backbone` returns.
        gallery: (N, 2048) unit rows.
        keypoints: SIFT descriptors (K, 128) of the pictures that are compared.
    """
    import torch

    mean, std = (np.float32(row) for row in (backbone.mean, backbone.std))
    sift = cv2.SIFT.create(nfeatures=KEYPOINTS)

    def way(path: Path) -> int:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"))
        small = np.asarray(Image.fromarray(pixels).resize((SIDE, SIDE)), np.float32)
        given = torch.from_numpy(((small - mean) / std).transpose(2, 0, 1)[None].copy())
        with torch.no_grad():
            maps = backbone.trunk(given)
        maps = maps[0] if isinstance(maps, list | tuple) else maps
        query = unit_rows(maps.amax(dim=(2, 3)).numpy())[0]
        scores = gallery @ query
        nearest = np.argpartition(-scores, DEPTH)[:DEPTH]
        grey = cv2.cvtColor(shrink(pixels, LONGEST)[0], cv2.COLOR_RGB2GRAY)
        _, wanted = sift.detectAndCompute(grey, None)
        matcher = cv2.FlannBasedMatcher({"algorithm": 1, "trees": 5}, {"checks": 50})
        good = 0
        for position in range(len(nearest)):
            found = matcher.knnMatch(wanted, keypoints[position % len(keypoints)], k=2)
            good += sum(one.distance <= RATIO * two.distance for one, two in found)
        return good

    return way


def sift_of(paths: Sequence[Path]) -> list[Float32]:
    """Return SIFT descriptors of pictures, as the papers keep them."""
    sift = cv2.SIFT.create(nfeatures=KEYPOINTS)
    grey = (cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths)
    found = (sift.detectAndCompute(picture, None)[1] for picture in grey)
    return [each for each in found if each is not None and len(each) > 1]


def unit_gallery(count: int) -> Float32:
    """Return random descriptors, (count, 2048) unit rows."""
    rng = np.random.default_rng(0)
    rows = np.empty((count, LENGTH), np.float32)
    for start in range(0, count, 8192):
        part = rows[start : start + 8192]
        part[:] = unit_rows(rng.standard_normal(part.shape, np.float32))
    return rows


def timed(ways: dict[str, Way], photos: Sequence[Path], runs: int) -> dict[str, float]:
    """Return the median milliseconds of a query by each way, all of them for each photo."""
    for way in ways.values():
        way(photos[0])
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for photo in list(photos) * runs:
        for name, way in ways.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            way(photo)
            spent[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(each) for name, each in spent.items()}


def grown(sample: SamplePaths, folder: Path, products: int, encoder: str | None) -> Collection:
    """Return a collection of the rendered sample, grown to so many products."""
    bl.index(sample.catalogue, folder, recipe=recipe_with("default", encoder))
    grow(folder, products)
    return open_collection(folder)


def compare(collection: Path | None, products: int, photos: int, runs: int) -> dict[str, Any]:
    """Return the milliseconds of each way and both ratios."""
    from beautylens.features.export.backbones import build_backbone
    from beautylens.features.export.timm import export_backbone

    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sample = draw_plan(plan_sample(2026).first(DRAWN, photos), scratch / "sample")
        same = build_backbone(SAME, side=SIDE, seed=0)
        exported = export_backbone(same, scratch / SAME, pooling=PoolingSettings(name="mac"))
        if collection is None:
            mine = grown(sample, scratch / "ours.lens", products, None)
        else:
            mine = open_collection(collection)
            products = mine.gallery.products.count()
        alike = grown(sample, scratch / "same.lens", products, str(exported.folder))
        gallery = unit_gallery(products)
        keypoints = sift_of(sorted(sample.catalogue.parent.glob("gallery/*.jpg"))[:DEPTH])
        ways = {
            "ours": ours(mine),
            "theirs, SENet-154": theirs(
                build_backbone(BEST, side=SIDE, seed=0), gallery, keypoints
            ),
            "ours, ResNet-50": ours(alike, views=[1.0]),
            "theirs, ResNet-50": theirs(same, gallery, keypoints),
        }
        queries = sorted(sample.catalogue.parent.glob("queries/*.jpg"))
        spent = timed(ways, queries, runs)
    rival, same_network = spent["theirs, SENet-154"], spent["theirs, ResNet-50"]
    return {
        "products": products,
        "photos": len(queries),
        "ours_ms": round(spent["ours"], 1),
        "rival_ms": round(rival, 1),
        "ratio": round(rival / spent["ours"], 2),
        "ours_same_network_ms": round(spent["ours, ResNet-50"], 1),
        "rival_same_network_ms": round(same_network, 1),
        "ratio_same_network": round(same_network / spent["ours, ResNet-50"], 2),
    }


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path, help="made by benchmarks/half_million.py")
    parser.add_argument("--products", type=int, default=50_000)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="5,000 products, 6 photos, one run")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.products, arguments.photos, arguments.runs = 5000, 6, 1
    try:
        result = compare(arguments.collection, arguments.products, arguments.photos, arguments.runs)
    except EncoderError as error:
        raise SystemExit(
            f"{error}\nPyTorch and timm are the rival here: run `make train`"
        ) from None
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):32}{value:>12}")


if __name__ == "__main__":
    main()
