"""Local features part by part: extractor x verification x order, on labelled photos.

    python benchmarks/local_features.py DATA [--sets beauty packs] [--extractor rootsift ...]
        [--xfeat FILE] [--queries 60] [--json]

Of a set with more queries than asked for, so many are drawn by a fixed seed. All parts re-rank the
same short-list, that of the default recipe. Each picture passes through an extractor once;
verifications share the matches, and orders what was verified. `own` is the default's matching
(ratio .85, mutual; no ratio for learned keypoints), `paper` the re-ranking of Tang et al. (ratio
.8, not mutual, ordered by count). Milliseconds are the medians of one query's extraction, of
matching it with its short-list, and of verification, added up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from beautylens.assemble import make_local_features, make_order
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection
from beautylens.evaluation.metrics import QueryResult, Summary, summarise
from beautylens.features.local.extractors import EXTRACTORS
from beautylens.features.local.features import Agreement, LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.images.decode import decode
from beautylens.indexing import build
from beautylens.query import Photo
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import KeypointSettings, VerifySettings
from beautylens.results import Matches
from beautylens.search.retrieve import Retrieve
from beautylens.search.verify import ORDERS, Order

PAPER = VerifySettings(ratio=0.8, mutual=False, verify="none", order="count")
# A learned descriptor has no fixed scale on which a ratio could be learnt: its authors use none.
MATCHING = {"onnx": VerifySettings(ratio=1.0, verify="none")}


@dataclass
class Query:
    """A photo with its truth and its short-list, and what the extractor at hand found on it."""

    photo: Photo
    truth: TruthRow
    matches: Matches
    keypoints: Keypoints | None = None
    extract_ms: float = 0.0


@dataclass
class Compared:
    """What a query shares with each image of its short-list, and the milliseconds spent."""

    agreements: dict[str, Agreement] = field(default_factory=dict)
    match_ms: float = 0.0
    verify_ms: float = 0.0


def short_lists(folder: Path, queries: int) -> tuple[list[Query], dict[str, Path]]:
    """Return the queries with the default recipe's short-lists, and the gallery's pictures."""
    recipe = read_recipe("default")
    plain = recipe.model_copy(update={"keypoints": None, "rerank": None})
    truth = [row for row in read_truth(folder / "truth.csv") if row.product_ids]
    if queries < len(truth):
        drawn = np.random.default_rng(0).choice(len(truth), queries, replace=False)
        truth = [truth[place] for place in sorted(drawn)]
    with tempfile.TemporaryDirectory() as scratch:
        collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=plain)
        # Photos are decoded as large as the recipe needs them for keypoints.
        collection.recipe = recipe
        settings = recipe.retrieve
        retrieve = Retrieve(
            collection.gallery, collection.encoder, depth=settings.depth, views=settings.views
        )
        found = [_asked(collection, retrieve, row) for row in truth]
    return found, {m.image_id: Path(m.image) for query in found for m in query.matches}


def _asked(collection: Collection, retrieve: Retrieve, row: TruthRow) -> Query:
    photo = collection.photo(row.image)
    return Query(photo, row, retrieve(photo, 7 + len(row.ignore_ids)))


def compare(
    query: Query, gallery: Mapping[str, Keypoints], verifications: Sequence[LocalFeatures]
) -> list[Compared]:
    """Return what each verification finds; all of them see the same matches."""
    compared = [Compared() for _ in verifications]
    assert query.keypoints is not None  # noqa: S101  (extracted just before)
    for match in query.matches:
        other = gallery[match.image_id]
        start = time.perf_counter()
        pairs = verifications[0].matcher(query.keypoints)(other)
        matched = time.perf_counter()
        for local, found in zip(verifications, compared, strict=True):
            begun = time.perf_counter()
            found.agreements[match.image_id] = local.agree(query.keypoints, other, pairs)
            found.verify_ms += (time.perf_counter() - begun) * 1000
            found.match_ms += (matched - start) * 1000
    return compared


def measure(
    queries: Sequence[Query], compared: Sequence[Compared], order: Order
) -> tuple[Summary, float]:
    """Return the figures of one order, and the median milliseconds of a query."""
    results = []
    for query, found in zip(queries, compared, strict=True):
        ranked = Matches.ranked(
            replace(match, score=order(match.score, found.agreements[match.image_id]))
            for match in query.matches
        )
        truth = query.truth
        results.append(
            QueryResult(
                truth.image,
                truth.product_ids,
                truth.ignore_ids,
                truth.kind,
                ranked.products(),
                None,
            )
        )
    parts = (
        [query.extract_ms for query in queries],
        [found.match_ms for found in compared],
        [found.verify_ms for found in compared],
    )
    return summarise(results), sum(statistics.median(part) for part in parts)


def extract(
    local: LocalFeatures, limit: int, queries: Sequence[Query], pictures: Mapping[str, Path]
) -> dict[str, Keypoints]:
    """Take the keypoints of every photo, and return those of the gallery."""
    for query in queries:
        start = time.perf_counter()
        query.keypoints = local.extract(query.photo.pixels)
        query.extract_ms = (time.perf_counter() - start) * 1000
    return {
        name: local.extractor(
            decode(path, least_side=local.longest), longest=local.longest, limit=limit
        )
        for name, path in pictures.items()
    }


def rows(
    kind: str, file: str | None, queries: Sequence[Query], pictures: Mapping[str, Path]
) -> Iterator[dict[str, object]]:
    """Yield the figures of every verification and order of one extractor."""
    keypoints = KeypointSettings(kind=kind, file=file if kind == "onnx" else None)
    base = MATCHING.get(kind, VerifySettings())
    names = [name for name in VERIFICATIONS if (kind, name) != ("onnx", "similarity")]
    own = [base.model_copy(update={"verify": name}) for name in names]
    gallery = extract(make_local_features(keypoints, base), keypoints.gallery, queries, pictures)
    size = statistics.mean(len(found.to_bytes()) for found in gallery.values())
    for label, tried, orders in (("own", own, tuple(ORDERS)), ("paper", [PAPER], ("count",))):
        verifications = [make_local_features(keypoints, settings) for settings in tried]
        compared = [compare(query, gallery, verifications) for query in queries]
        for place, settings in enumerate(tried):
            for order in orders:
                chosen = make_order(settings.model_copy(update={"order": order}))
                summary, spent = measure(queries, [each[place] for each in compared], chosen)
                yield {
                    "extractor": kind,
                    "matching": label,
                    "verify": settings.verify,
                    "order": order,
                    "ms": round(spent, 1),
                    "bytes": round(size),
                    **summary.as_dict(),
                }


def main() -> None:
    """Measure every set, extractor, verification and order; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs"])
    parser.add_argument("--extractor", nargs="+", choices=sorted(EXTRACTORS))
    parser.add_argument("--xfeat", metavar="FILE", help="an XFeat export, for the extractor `onnx`")
    parser.add_argument("--queries", type=int, default=60, help="draw so many, by a fixed seed")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    known = [kind for kind in EXTRACTORS if kind != "onnx" or arguments.xfeat]
    for name in arguments.sets:
        queries, pictures = short_lists(arguments.data / name, arguments.queries)
        for kind in arguments.extractor or known:
            for row in rows(kind, arguments.xfeat, queries, pictures):
                report({"set": name, **row}, as_json=arguments.json)


def report(row: Mapping[str, object], *, as_json: bool) -> None:
    """Print one line of figures."""
    if as_json:
        print(json.dumps(row), flush=True)
        return
    overall = row["overall"]
    assert isinstance(overall, dict)  # noqa: S101  (as `Score.as_dict` makes it)
    low, high = overall["intervals"]["map7_challenge"]
    print(
        f"{row['set']:7} {row['extractor']:8} {row['matching']:5} {row['verify']:10} "
        f"{row['order']:7} mAP@7 {overall['map7_challenge']:.3f} ({low:.2f}-{high:.2f})  "
        f"n {overall['queries']}  {row['ms']:.0f} ms  {row['bytes']} bytes",
        flush=True,
    )


if __name__ == "__main__":
    main()
