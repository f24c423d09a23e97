"""What a search snapshot may be made of: libraries for vectors, rows and keypoints, side by side.

    python benchmarks/snapshot.py COLLECTION [--data DATA/beauty] [--build] [--json]

Each answers what a search asks of a collection that `half_million.py make` made: the nearest 100
by the descriptors of photos, with the share of the exact nearest hundred; the keypoints and the
rows of 100 pictures; the rows of one brand. LMDB and USearch are no dependencies: they are
measured where they are installed (`pip install lmdb usearch`). `--build` also times how long the
indexes take to build: a graph of half a million vectors takes USearch minutes. Milliseconds are
medians, in memory after a first round.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from beautylens.catalogue.truth import read_truth
from beautylens.collection import open_collection
from beautylens.store.conditions import literal
from beautylens.store.gallery import Gallery
from beautylens.store.lance_index import LanceIndex
from beautylens.store.snapshot.vectors import (
    index_file,
    open_index,
    probes_for,
    vectors_file,
    write_index,
)

DEPTH = 100
# Keypoints are copied into the other stores from this many pictures at most.
COPIED = 50_000
Row = dict[str, Any]


def milliseconds(ask: Callable[[Any], Any], questions: Sequence[Any]) -> float:
    """Return the median time of a call, after a first round."""
    for question in questions:
        ask(question)
    spent = []
    for question in questions:
        start = time.perf_counter()
        ask(question)
        spent.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(spent), 2)


def vectors(collection: Any, lance: Gallery, data: Path, *, build: bool) -> Iterator[Row]:
    """Yield how long each index takes for the nearest hundred, and what share it finds."""
    paths = sorted(row.image for row in read_truth(data / "truth.csv"))[:50]
    views = collection.recipe.retrieve.views
    queries = [
        collection.encoder.describe_views(collection.photo(path).pixels, views) for path in paths
    ]
    images = collection.gallery.snapshot.current().images
    stored = images.parts[0].vectors["descriptor"].rows
    exact = [np.argpartition(-(stored @ query), DEPTH)[:DEPTH] for query in queries]

    def measured(name: str, search: Callable[[Any], Any], **more: Any) -> Row:
        shares = [
            len({*search(q)} & {*e.tolist()}) / DEPTH for q, e in zip(queries, exact, strict=True)
        ]
        recall = round(statistics.mean(shares), 3)
        return {
            "part": "vectors",
            "what": name,
            "ms": milliseconds(search, queries),
            "recall": recall,
        } | more

    ids = dict(images.rows_of("image_id", lance.rows.ids("image_id").to_pylist()))

    def by_lance(query: Any) -> list[int]:
        found = lance.vectors.search(query, DEPTH)
        return [ids[match.image_id] for match in lance.rows.at(found, [])[0]]

    yield measured("Lance, IVF of 8 bits, with row ids", by_lance)
    folder = Path(collection.gallery.address) / "snapshot" / images.parts[0].folder
    file = index_file(folder, "descriptor")
    if file.exists():
        index = open_index(str(file))
        faiss.omp_set_num_threads(1)
        spent = _built(folder, stored) if build else None
        usual = probes_for(len(stored))
        for probes in (usual // 2, usual, usual * 2):
            index.nprobe = probes
            name = f"FAISS, {index.nlist} lists of 8 bits, {probes} probes, mapped"
            found = measured(name, lambda q: index.search(q[None], DEPTH * 3 // 2)[1][0].tolist())
            yield found | {"build_s": spent, "mb": round(file.stat().st_size / 1e6)}
    yield measured(
        "NumPy, all vectors", lambda q: np.argpartition(-(stored @ q), DEPTH)[:DEPTH].tolist()
    )
    if build and find_spec("usearch"):
        yield from _usearch(stored, measured)


def _built(part: Path, stored: Any) -> float:
    """Return the seconds in which FAISS builds the index of a part's descriptors."""
    with tempfile.TemporaryDirectory() as folder:
        file = vectors_file(Path(folder), "descriptor")
        file.symlink_to(vectors_file(part, "descriptor"))
        start = time.perf_counter()
        write_index(Path(folder), "descriptor", stored.shape[1], len(stored))
        return round(time.perf_counter() - start, 1)


def _usearch(stored: Any, measured: Callable[..., Row]) -> Iterator[Row]:
    from usearch.index import Index

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        built = Index(ndim=stored.shape[1], metric="ip", dtype="i8")
        built.add(np.arange(len(stored)), np.asarray(stored), threads=2)
        spent = round(time.perf_counter() - start, 1)
        built.save(f"{folder}/graph")
        size = round(Path(folder, "graph").stat().st_size / 1e6)
        graph = Index.restore(f"{folder}/graph", view=True)
        for breadth in (256, 1024):
            graph.expansion_search = breadth
            name = f"USearch, graph of 8 bits, breadth {breadth}, mapped"
            yield measured(
                name,
                lambda q: graph.search(q, DEPTH * 3 // 2).keys.tolist(),
                build_s=spent,
                mb=size,
            )


def keypoints(gallery: Gallery, lance: Gallery, chosen: Sequence[Any]) -> Iterator[Row]:
    """Yield how long each store takes for the bytes of the keypoints of a hundred pictures."""
    images = gallery.snapshot.current().images  # type: ignore[union-attr]
    part = images.parts[0]

    def copied(asked: Any) -> list[bytes]:
        return [bytes(data) for data in part.blobs(np.asarray(asked), "keypoints").values()]

    ids = [[row["image_id"] for row in images.texts(rows, ["image_id"])] for rows in chosen]

    def row(name: str, ask: Callable[[Any], Any], questions: Sequence[Any]) -> Row:
        return {"part": "keypoints", "what": name, "ms": milliseconds(ask, questions)}

    yield row("Lance", lambda asked: lance.rows.read(asked, ["keypoints"]), ids)
    yield row("flat file, mapped", copied, chosen)
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(f"{folder}/rows.sqlite")
        database.execute("CREATE TABLE keypoints (row INTEGER PRIMARY KEY, blob BLOB)")
        numbers = range(min(COPIED, part.count))
        database.executemany(
            "INSERT INTO keypoints VALUES (?, ?)", ((r, *copied([r])) for r in numbers)
        )
        database.commit()
        query = "SELECT blob FROM keypoints WHERE row IN (SELECT value FROM json_each(?))"
        yield row(
            "SQLite",
            lambda rows: database.execute(query, [json.dumps(rows.tolist())]).fetchall(),
            chosen,
        )
        if find_spec("lmdb"):
            import lmdb

            with lmdb.open(f"{folder}/lmdb", map_size=1 << 36) as store:
                with store.begin(write=True) as written:
                    for each in numbers:
                        written.put(each.to_bytes(8, "big"), *copied([each]))
                with store.begin() as read:
                    yield row(
                        "LMDB",
                        lambda rows: [read.get(int(each).to_bytes(8, "big")) for each in rows],
                        chosen,
                    )


def rows(gallery: Gallery, lance: Gallery, chosen: Sequence[Any]) -> Iterator[Row]:
    """Yield how long each store takes for the texts of a hundred pictures, and for one brand."""
    images = gallery.snapshot.current().images  # type: ignore[union-attr]
    names = images.columns.texts
    ids = [[row["image_id"] for row in images.texts(rows, ["image_id"])] for rows in chosen]

    def row(name: str, ask: Callable[[Any], Any], questions: Sequence[Any]) -> Row:
        return {"part": "rows", "what": name, "ms": milliseconds(ask, questions)}

    yield row("Lance", lambda asked: lance.rows.read(asked, names[1:]), ids)
    yield row("SQLite, mapped", lambda asked: images.texts(asked, names), chosen)
    if find_spec("lmdb"):
        import lmdb

        with tempfile.TemporaryDirectory() as folder, lmdb.open(folder, map_size=1 << 36) as store:
            with store.begin(write=True) as written:
                count = np.arange(min(COPIED, images.parts[0].count))
                for number, texts in enumerate(images.texts(count, names)):
                    written.put(number.to_bytes(8, "big"), json.dumps(texts).encode())
            with store.begin() as read:
                yield row(
                    "LMDB, JSON",
                    lambda asked: [json.loads(read.get(int(r).to_bytes(8, "big"))) for r in asked],
                    chosen,
                )
    counts = Counter(images.parts[0].column("brand")).most_common()
    # Neither the most frequent nor one of a few products.
    brands = [(brand, count) for brand, count in counts if brand][3:12]
    vector = np.eye(1, gallery.rows.dimensions, dtype=np.float32)[0]
    for each, opened in (("Lance", lance), ("SQLite and exact vectors", gallery)):
        found = row(
            f"{each}: nearest of one brand",
            lambda brand, opened=opened: opened.vectors.search(
                vector, DEPTH, f"`brand` = {literal(brand)}"
            ),
            [brand for brand, _ in brands],
        )
        yield found | {
            "keeps": int(statistics.median(count for _, count in brands)) if brands else 0
        }


def main() -> None:
    """Measure, and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection", type=Path)
    parser.add_argument(
        "--data", type=Path, help="folder with truth.csv, whose photos are asked for"
    )
    parser.add_argument(
        "--build", action="store_true", help="build indexes, a graph of USearch too"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    collection = open_collection(arguments.collection)
    collection.gallery.write_snapshot()
    lance = Gallery(arguments.collection, lambda rows, _: LanceIndex(rows))
    count = min(COPIED, collection.gallery.snapshot.current().images.parts[0].count)
    rng = np.random.default_rng(0)
    chosen = [np.sort(rng.choice(count, DEPTH, replace=False)) for _ in range(20)]
    found = list(keypoints(collection.gallery, lance, chosen))
    found += rows(collection.gallery, lance, chosen)
    if arguments.data:
        found += vectors(collection, lance, arguments.data, build=arguments.build)
    if arguments.json:
        print(json.dumps({"images": len(collection), "rows": found}))
        return
    for row in found:
        more = ", ".join(f"{name} {value}" for name, value in list(row.items())[3:])
        print(f"{row['part']:10} {row['what']:56} {row['ms']:8.2f} ms  {more}")


if __name__ == "__main__":
    main()
