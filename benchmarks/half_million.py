"""A collection of half a million products: what it takes to make, to open, to search and to change.

    python benchmarks/half_million.py make FOLDER [--data DATA/beauty] [--products 538517]
    python benchmarks/half_million.py measure FOLDER [--data DATA/beauty] [--json]

The pictures of a catalogue are indexed; all further products are recombined of them: descriptors
between those of two pictures, with noise, so that neighbours mean something; keypoints and
thumbnail of the first, a name made of both. The real products stay findable among them, so that
quality is measured too. `--recipe fast` keeps descriptors only. Without data the rendered sample is
taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

import beautylens as bl
from beautylens.features.keypoints import Keypoints
from beautylens.features.pooling import unit_rows
from beautylens.store.gallery import Gallery
from beautylens.store.rows import stacked, vectors
from beautylens.store.tables import PLAIN

CHALLENGE = 538_517
ROWS = 8192
# How far a recombined descriptor lies from its first picture's, and the length of its noise.
MIXED, NOISE = 0.5, 0.3
EXACT_QUERIES = 50


def recombined(rows: pa.Table, count: int, seed: int = 0) -> Iterator[pa.Table]:
    """Yield tables of `count` further products in all, made of the images of a gallery."""
    rng = np.random.default_rng(seed)
    columns = [n for n in ("descriptor", "aggregate") if n in rows.column_names]
    there = {name: stacked(rows[name]) for name in columns}
    names = [(name or "").split() for name in rows["name"].to_pylist()]
    brands = rows["brand"].to_pylist()
    for start in range(0, count, ROWS):
        size = min(ROWS, count - start)
        first, second = rng.integers(0, len(rows), (2, size))
        share = rng.random((size, 1)).astype(np.float32) * MIXED
        made = rows.take(pa.array(first))
        ids = [f"x{start + place:07}" for place in range(size)]
        words = [
            " ".join(names[a][: len(names[a]) // 2] + names[b][len(names[b]) // 2 :])
            for a, b in zip(first, second, strict=True)
        ]
        replaced: dict[str, pa.Array] = {
            "image_id": pa.array([f"{each}/{each}.jpg" for each in ids]),
            "product_id": pa.array(ids),
            "image": pa.array([f"{each}.jpg" for each in ids]),
            "digest": pa.array(ids),
            "name": pa.array(words),
            "brand": pa.array([brands[place] for place in second]),
            "gtin": pa.array([""] * size),
        }
        if "keypoints" in rows.column_names:
            blobs = [jittered(blob, rng) for blob in made["keypoints"].to_pylist()]
            replaced["keypoints"] = pa.array(blobs, pa.large_binary())
        for name, values in there.items():
            noise = rng.standard_normal((size, values.shape[1]), np.float32)
            mixed = (1 - share) * values[first] + share * values[second]
            replaced[name] = vectors(unit_rows(mixed + NOISE * unit_rows(noise)))
        for name, values in replaced.items():
            made = made.set_column(made.column_names.index(name), name, values)
        yield made


def jittered(blob: bytes, rng: np.random.Generator) -> bytes:
    """Return stored keypoints whose descriptors are off by up to one step: no two are the same."""
    keypoints = Keypoints.from_bytes(blob)
    flips = rng.integers(0, 2, keypoints.descriptors.shape, np.uint8)
    return replace(keypoints, descriptors=keypoints.descriptors ^ flips).to_bytes()


def make(folder: Path, catalogue: Path, recipe: str, products: int) -> dict[str, float]:
    """Index a catalogue and add recombined products; return seconds by step, and the size."""
    seconds: dict[str, float] = {}
    started = time.perf_counter()

    def lap(step: str) -> None:
        nonlocal started
        seconds[step] = round(time.perf_counter() - started, 1)
        started = time.perf_counter()

    bl.index(catalogue, folder, recipe=recipe)
    lap("real pictures")
    gallery = Gallery(folder)
    names = [*PLAIN, *gallery.extra, "path", "digest", "descriptor", "keypoints"]
    names += ["aggregate"] if gallery.keeps_aggregates else []
    names += ["thumbnail", "thumbnail_scale"] if recipe != "fast" else []
    rows = pa.Table.from_batches(gallery.stream(names))
    for table in recombined(rows, products - gallery.products()):
        gallery.upsert(table)
    lap("rows")
    gallery.ensure_indexes()
    lap("indexes")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return seconds | {"gigabytes": round(size / 1e9, 2), "images": gallery.count()}
