"""A collection of half a million products: what it takes to make, to open, to search and to change.

    python benchmarks/half_million.py make FOLDER [--data DATA/beauty] [--products 538517]
    python benchmarks/half_million.py measure FOLDER [--data DATA/beauty] [--tables] [--json]
    python benchmarks/half_million.py change FOLDER [--adds 1000] [--json]

The pictures of a catalogue are indexed; all further products are recombined of them: descriptors
between those of two pictures, with noise, so that neighbours mean something; keypoints of the
first at other positions; a name made of both. The real products stay findable among them, so that
quality is measured too. Without data the rendered sample is taken. With
`--recipe fast` the collection holds descriptors only.

`measure` searches with print left unread, from the snapshot or from Lance's tables. `change` adds
and removes single products.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

import beautylens as bl
from beautylens.catalogue.truth import read_truth
from beautylens.collection import Collection
from beautylens.evaluation.metrics import average_precision
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.local.extractors import rootsift
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.fit import centre
from beautylens.recipe.recipe import Recipe
from beautylens.runtime.threads import core_count
from beautylens.sample import write_sample_catalogue
from beautylens.search.retrieve import nearest
from beautylens.store.columns import stacked, vectors
from beautylens.store.gallery import Gallery
from beautylens.store.lance_index import LanceIndex
from beautylens.store.schema import PLAIN

CHALLENGE = 538_517
ROWS = 8192
# How far a recombined descriptor lies from its first picture's, and the length of its noise.
MIXED, NOISE = 0.5, 0.3
EXACT_QUERIES, DEPTH = 50, 100


def recombined(rows: pa.Table, count: int, seed: int = 0, most: int = ROWS) -> Iterator[pa.Table]:
    """Yield tables of `count` further products in all, made of the images of a gallery."""
    rng = np.random.default_rng(seed)
    columns = [n for n in ("descriptor", "vlad") if n in rows.column_names]
    there = {name: stacked(rows[name]) for name in columns}
    names = [(name or "").split() for name in rows["name"].to_pylist()]
    brands = rows["brand"].to_pylist()
    for start in range(0, count, most):
        size = min(most, count - start)
        first, second = rng.integers(0, len(rows), (2, size))
        share = rng.random((size, 1)).astype(np.float32) * MIXED
        made = rows.take(pa.array(first))
        ids = [f"x{start + position:07}" for position in range(size)]
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
            "brand": pa.array([brands[position] for position in second]),
            "gtin": pa.array([""] * size),
        }
        if "keypoints" in rows.column_names:
            blobs = [scattered(blob, rng) for blob in made["keypoints"].to_pylist()]
            replaced["keypoints"] = pa.array(blobs, pa.large_binary())
        for name, values in there.items():
            noise = rng.standard_normal((size, values.shape[1]), np.float32)
            mixed = (1 - share) * values[first] + share * values[second]
            replaced[name] = vectors(unit_rows(mixed + NOISE * unit_rows(noise)))
        for name, values in replaced.items():
            made = made.set_column(made.column_names.index(name), name, values)
        yield made


def scattered(blob: bytes, rng: np.random.Generator) -> bytes:
    """Return stored keypoints at other positions, each descriptor off by up to a step.

    The keypoints of another product: some of them match, but no transform explains them.
    """
    keypoints = Keypoints.from_bytes(blob)
    flips = rng.integers(0, 2, keypoints.descriptors.shape, np.uint8)
    return replace(
        keypoints,
        points=keypoints.points[rng.permutation(len(keypoints))],
        descriptors=keypoints.descriptors ^ flips,
    ).to_bytes()


def grow(folder: Path, products: int) -> dict[str, float]:
    """Add recombined products to a collection until it has so many; return seconds by step."""
    gallery = Gallery(folder)
    names = [*PLAIN, *gallery.rows.extra, "path", "digest", "descriptor", "keypoints"]
    names += ["vlad"] if gallery.rows.has("vlad") else []
    names += ["thumbnail", "thumbnail_scale"] if gallery.rows.has("thumbnail") else []
    rows = pa.Table.from_batches(gallery.rows.stream(names))
    start = time.perf_counter()
    made = recombined(rows, products - gallery.products.count())
    fragments = [each for table in made for each in gallery.write_fragments(table)]
    gallery.publish(fragments, gallery.version)
    written = time.perf_counter()
    gallery.compact(products)
    merged = time.perf_counter()
    gallery.ensure_indexes()
    indexed = time.perf_counter()
    gallery.write_snapshot()
    copied = time.perf_counter()
    return {
        "rows_s": round(written - start, 1),
        "merge_s": round(merged - written, 1),
        "indexes_s": round(indexed - merged, 1),
        "snapshot_s": round(copied - indexed, 1),
    }


def make(folder: Path, catalogue: Path, recipe: str, products: int) -> dict[str, float]:
    """Index a catalogue and add recombined products; return seconds by step, and the size."""
    start = time.perf_counter()
    bl.index(catalogue, folder, recipe=recipe)
    indexed = {"real_pictures_s": round(time.perf_counter() - start, 1)}
    grown = grow(folder, products)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return (
        indexed
        | grown
        | {"gigabytes": round(size / 1e9, 2), "images": Gallery(folder).rows.count()}
    )


def unread(recipe: Recipe) -> Recipe:
    """Return a recipe that leaves the words on the photo unread; barcodes are still read."""
    if recipe.read is None:
        return recipe
    return recipe.model_copy(update={"read": recipe.read.model_copy(update={"photo": False})})


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile."""
    return {
        "median": round(statistics.median(values), 1),
        "p95": round(float(np.percentile(values, 95)), 1),
    }


def memory() -> dict[str, int]:
    """Return megabytes resident: what the process holds itself, and with mapped files."""
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {
        "own_mb": int(fields["RssAnon"].split()[0]) // 1024,
        "resident_mb": int(fields["VmRSS"].split()[0]) // 1024,
    }


def measure(folder: Path, truth: Path, runs: int, *, tables: bool = False) -> dict[str, Any]:
    """Open a collection and search it; return milliseconds, memory, recall and quality.

    Args:
        folder: of the collection.
        truth: the photos and their products.
        runs: how often each photo is searched.
        tables: read Lance's tables in place of the snapshot.
    """
    start = time.perf_counter()
    index = (lambda rows, _: LanceIndex(rows)) if tables else None
    collection = Collection(Gallery(folder, index))
    collection.search_by(unread(collection.recipe))
    opened = time.perf_counter()
    right = {row.image: row.product_ids for row in read_truth(truth)}
    paths = sorted(right)
    collection.search(paths[0])
    first = time.perf_counter()
    stages: dict[str, list[float]] = defaultdict(list)
    precisions = []
    for run in range(runs):
        for path in paths:
            began = time.perf_counter()
            found = collection.search(path)
            stages["whole"].append((time.perf_counter() - began) * 1000)
            stages["read keypoints"].append(read_keypoints(collection, path))
            for stage, spent in found.milliseconds.items():
                stages[stage].append(spent)
            if run == 0 and right[path]:
                ids = [match.product.product_id for match in found]
                precisions.append(average_precision(ids, right[path], denominator="challenge"))
    whole, floor = statistics.median(stages["whole"]), floor_ms(collection, paths)
    return {
        "ours_ms": round(whole, 1),
        "floor_ms": round(floor, 1),
        "over_floor": round(whole / floor, 2),
        "images": len(collection),
        "searched_from": "snapshot" if collection.gallery.has_snapshot else "tables",
        "open_ms": round((opened - start) * 1000),
        "first_search_ms": round((first - opened) * 1000),
        "stages_ms": {stage: spread(values) for stage, values in stages.items()},
        "memory": memory(),
        "map_at_7": round(statistics.mean(precisions), 4),
        **recall(collection, paths),
        **filtered(collection, paths),
    }


def floor_ms(collection: Collection, paths: Sequence[Path]) -> float:
    """Return the milliseconds that network and SIFT alone need, if all cores are always busy.

    The network computes three views of 384 pixels, and SIFT takes a picture of 640, whatever the
    recipe does. Each is timed alone, the network on all cores and SIFT on one.
    """
    encoder, extract = Encoder.load("default", precision=collection.encoder.precision), rootsift()
    pictures = [collection.photo(path).pixels for path in paths[:EXACT_QUERIES]]
    views = [np.stack([encoder.fit(centre(each, v)) for v in (1, 0.75, 0.5)]) for each in pictures]
    network = _alone(encoder.outputs, views)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        sift = _alone(lambda picture: extract(picture, longest=640, limit=800), pictures)
    finally:
        cv2.setNumThreads(threads)
    return network + sift / core_count()


def _alone(work: Callable[[Any], object], given: Sequence[Any]) -> float:
    """Return the median milliseconds of a function, each argument twice, after a first call."""
    work(given[0])
    spent = []
    for each in (*given, *given):
        began = time.perf_counter()
        work(each)
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent)


def read_keypoints(collection: Collection, path: Path) -> float:
    """Return the milliseconds in which the keypoints of a photo's short-list are read."""
    query = collection.parts.pipeline.describe(collection.photo(path))
    near = nearest(collection.gallery, query.descriptor, DEPTH)
    began = time.perf_counter()
    collection.gallery.rows.keypoints([match.image_id for match in near])
    return (time.perf_counter() - began) * 1000


def recall(collection: Collection, paths: Sequence[Path]) -> dict[str, Any]:
    """Return the share of the exact nearest hundred that the index finds, and both times."""
    gallery = collection.gallery
    queries = np.stack(
        [
            collection.encoder.describe_views(
                collection.photo(path).pixels, collection.recipe.retrieve.views
            )
            for path in paths[:EXACT_QUERIES]
        ]
    )
    best: list[list[tuple[float, str]]] = [[] for _ in queries]
    for batch in gallery.rows.stream(["image_id", "descriptor"]):
        scores = queries @ stacked(batch["descriptor"]).T
        ids = batch["image_id"].to_pylist()
        for position, row in enumerate(scores):
            kept = np.argpartition(-row, min(DEPTH, len(row) - 1))[:DEPTH]
            best[position] += [(float(row[each]), ids[each]) for each in kept]
            best[position] = sorted(best[position], reverse=True)[:DEPTH]
    shares, spent = [], []
    for query, exact in zip(queries, best, strict=True):
        began = time.perf_counter()
        found = {match.image_id for match in nearest(gallery, query, DEPTH)}
        spent.append((time.perf_counter() - began) * 1000)
        shares.append(len(found & {image_id for _, image_id in exact}) / len(exact))
    return {"recall_at_100": round(statistics.mean(shares), 4), "nearest_ms": spread(spent)}


def filtered(collection: Collection, paths: Sequence[Path]) -> dict[str, Any]:
    """Return the time of `retrieve` under a condition that one product in many meets."""
    gallery = collection.gallery
    rows = pa.Table.from_batches(gallery.rows.stream(["brand"]))
    counts = rows["brand"].value_counts().to_pylist()
    counts = sorted((each for each in counts if each["values"]), key=lambda each: each["counts"])
    if not counts:
        return {}
    middle = counts[len(counts) // 2]
    where = "brand = '" + middle["values"].replace("'", "''") + "'"
    found = (collection.search(path, where=where) for path in paths[:10])
    spent = [each.milliseconds["retrieve"] for each in found]
    return {"filtered_retrieve_ms": spread(spent), "filter_keeps": middle["counts"]}


def change(folder: Path, adds: int) -> dict[str, Any]:
    """Add single products and remove them again; return what each took, and a search meanwhile."""
    gallery, reader = Gallery(folder), Gallery(folder)
    names = [*PLAIN, *gallery.rows.extra, "path", "digest", "descriptor", "keypoints"]
    names += ["vlad"] if gallery.rows.has("vlad") else []
    names += ["thumbnail", "thumbnail_scale"] if gallery.rows.has("thumbnail") else []
    stream = gallery.rows.stream(names)
    rows = pa.Table.from_batches([next(stream)])
    added, removed, looked = [], [], []
    ids = []
    for position, made in enumerate(recombined(rows, adds, seed=1, most=1)):
        product = f"new{position:06}"
        named = pa.array([product])
        table = made.drop_columns(["image_id", "product_id"])
        table = table.append_column("image_id", named).append_column("product_id", named)
        began = time.perf_counter()
        gallery.upsert(table)
        gallery.compact()
        gallery.write_snapshot()
        done = time.perf_counter()
        found = nearest(reader, stacked(table["descriptor"])[0], 1)
        looked.append((time.perf_counter() - done) * 1000)
        added.append((done - began) * 1000)
        if found[0].product.product_id != product:
            raise SystemExit(f"{product} was added, but the next search did not find it")
        ids.append(product)
    for product in ids[:20]:
        began = time.perf_counter()
        gallery.delete([product])
        gallery.compact()
        gallery.write_snapshot()
        removed.append((time.perf_counter() - began) * 1000)
    began = time.perf_counter()
    gallery.delete(ids)
    gallery.compact()
    gallery.write_snapshot()
    return {
        "adds": adds,
        "add_ms": spread(added),
        "add_most_ms": round(max(added), 1),
        "remove_ms": spread(removed),
        "search_after_add_ms": spread(looked),
        "last_searches_ms": spread(looked[-20:]),
        "remove_all_s": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Do one of the three, and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["make", "measure", "change"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, help="folder with catalogue.csv and truth.csv")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--products", type=int, default=CHALLENGE)
    parser.add_argument("--adds", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tables", action="store_true", help="measure without the snapshot")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as drawn:
        data = arguments.data
        if data is None and arguments.what != "change":
            data = write_sample_catalogue(Path(drawn)).catalogue.parent
        if arguments.what == "make":
            result = make(
                arguments.folder, data / "catalogue.csv", arguments.recipe, arguments.products
            )
        elif arguments.what == "measure":
            truth = data / "truth.csv"
            result = measure(arguments.folder, truth, arguments.runs, tables=arguments.tables)
        else:
            result = change(arguments.folder, arguments.adds)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for part, each in rows:
            print(f"{name:22}{part:12}{each}")


if __name__ == "__main__":
    main()
