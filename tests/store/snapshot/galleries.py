"""Galleries with and without a search snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from beautylens.features.local.keypoints import Keypoints
from beautylens.images.thumbnail import Thumbnail
from beautylens.store.gallery import Gallery
from beautylens.store.lance_index import LanceIndex

DIMENSIONS, VLAD = 16, 8
BRANDS = ("Dior", "L'Oréal", "NIVEA", "", "100% Pure", "a*b?c[d]")
NAMES = ("Rouge_Dior 999", "Crème à l'eau", "back\\slash", "Soft Face Cream 200 ml", "ROUGE")
PRICES = ("12", "9.50", "free", "", "1e2", "-3", " 7", "inf", "nan")
GTINS = ("4006000111117", "04006000111117", "4006-0001-11117", "", "96385074")


def unit(number: int, length: int = DIMENSIONS) -> np.ndarray:
    vector = np.random.default_rng(number).normal(size=length).astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector))


def rows(products: Mapping[str, int] | Sequence[int], pictures: int = 1) -> pa.Table:
    """Rows of products, whose values follow from a number; by default from their own."""
    if not isinstance(products, Mapping):
        products = {f"p{number:04}": number for number in products}
    each = [
        (product, seed, picture)
        for product, seed in products.items()
        for picture in range(pictures)
    ]
    seeds = [seed for _, seed, _ in each]
    text = {
        "image_id": [f"{product}/{picture}" for product, _, picture in each],
        "product_id": [product for product, _, _ in each],
        "image": [f"{product}.jpg" for product, _, _ in each],
        "name": [f"{NAMES[seed % len(NAMES)]} no{seed % 7}" for seed in seeds],
        "brand": [BRANDS[seed % len(BRANDS)] for seed in seeds],
        "category": ["lips" if seed % 2 else "face" for seed in seeds],
        "gtin": [GTINS[seed % len(GTINS)] for seed in seeds],
        "Price": [PRICES[seed % len(PRICES)] for seed in seeds],
        "price": [str(seed) for seed in seeds],
        "path": [f"/pictures/{product}/{picture}.jpg" for product, _, picture in each],
        "digest": [f"{seed}.{picture}" for _, seed, picture in each],
    }
    descriptors = [unit(1000 * seed + picture) for _, seed, picture in each]
    # Every ninth picture has no keypoints.
    vlads = [np.zeros(VLAD, np.float32) if seed % 9 == 8 else unit(seed, VLAD) for seed in seeds]
    small = Thumbnail(np.full((4, 6, 3), 200, np.uint8), 0.5)
    return pa.table(
        {
            **{name: pa.array(values, pa.string()) for name, values in text.items()},
            "descriptor": vectors(descriptors),
            "vlad": vectors(vlads),
            "keypoints": pa.array(
                [keypoints(seed).to_bytes() for seed in seeds], pa.large_binary()
            ),
            "thumbnail": pa.array(
                [small.to_jpeg() if seed % 5 else None for seed in seeds], pa.large_binary()
            ),
            "thumbnail_scale": pa.array(
                [0.5 if seed % 5 else None for seed in seeds], pa.float32()
            ),
        }
    )


def vectors(each: Sequence[np.ndarray]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(each)), len(each[0]))


def keypoints(seed: int) -> Keypoints:
    rng = np.random.default_rng(seed)
    count = 0 if seed % 9 == 8 else 3 + seed % 4
    return Keypoints(
        rng.integers(0, 99, (count, 2)).astype(np.float32),
        np.ones(count, np.float32),
        np.zeros(count, np.float32),
        rng.integers(0, 16, (count, 128)).astype(np.uint8),
    )


def make(folder: Path, count: int = 60, pictures: int = 1, **options: Any) -> Gallery:
    """A gallery of some products, with its indexes, and without a snapshot yet."""
    made = Gallery.create(
        folder,
        dimensions=DIMENSIONS,
        vlad=VLAD,
        settings={"recipe": {}},
        extra=["Price", "price"],
        thumbnails=True,
        words=True,
        artefacts={"vlad": b"words", "projection": bytes(1000)},
        **options,
    )
    made.upsert(rows(range(count), pictures))
    made.ensure_indexes()
    return made


def without_snapshot(gallery: Gallery) -> Gallery:
    """The same gallery, read from Lance."""
    return Gallery(gallery.address, lambda rows, _: LanceIndex(rows))
