"""Local features part by part: extractor x verification x scorer, on labelled photos.

    python benchmarks/local_features.py DATA [--sets beauty packs] [--extractor rootsift ...]
        [--xfeat FILE] [--queries 60] [--json]

Of a set with more queries than asked for, so many are drawn by a fixed seed. All parts rank the
same short-list, that of the default recipe. Each picture passes through an extractor once;
verifications share the matches, and scorers what was verified. `own` is the default's matching
(ratio .85, mutual; no ratio for learned keypoints), `paper` the re-ranking of Tang et al. (ratio
.8, not mutual, ranked by inliers). Milliseconds are the medians of one query's extraction, of
matching it with its short-list, and of verification, added up.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from beautylens.assemble.parts import make_local_features
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection
from beautylens.evaluation.metrics import QueryResult, Summary, summarise
from beautylens.features.local.extractors import EXTRACTORS
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.images.decode import decode
from beautylens.indexing import build
from beautylens.query import Query
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import (
    CosinePlusInliersSettings,
    KeypointSettings,
    VerifySettings,
)
from beautylens.results import Geometry, Match, Matches
from beautylens.search.judge.scorer import cosine_plus_inliers, inliers
from beautylens.search.pipeline import Pipeline

Formula = Callable[[Match], float]

WEIGHT = CosinePlusInliersSettings(kind="cosine_plus_inliers").weight
SCORERS: dict[str, Formula] = {
    "cosine_plus_inliers": partial(cosine_plus_inliers, weight=WEIGHT),
    "inliers": inliers,
}
PAPER = VerifySettings(ratio=0.8, mutual=False, transform="none")
# A learned descriptor has no fixed scale on which a ratio could be learnt: its authors use none.
MATCHING = {"onnx": VerifySettings(ratio=1.0, transform="none")}


@dataclass
class Asked:
    """A query with its truth and its short-list, and what the extractor at hand found on it."""

    query: Query
    truth: TruthRow
    matches: Matches
    keypoints: Keypoints | None = None
    extract_ms: float = 0.0


@dataclass
class Compared:
    """What a query shares with each image of its short-list, and the milliseconds spent."""

    geometry: dict[str, Geometry] = field(default_factory=dict)
    match_ms: float = 0.0
    verify_ms: float = 0.0


def short_lists(folder: Path, queries: int) -> tuple[list[Asked], dict[str, Path]]:
    """Return the queries with the default recipe's short-lists, and the gallery's pictures."""
    recipe = read_recipe("default")
    plain = recipe.model_copy(
        update={
            "keypoints": None,
            "vlad": None,
            "verify": None,
            "colour": None,
            "compare_text": None,
        }
    )
    truth = [row for row in read_truth(folder / "truth.csv") if row.product_ids]
    if queries < len(truth):
        drawn = np.random.default_rng(0).choice(len(truth), queries, replace=False)
        truth = [truth[position] for position in sorted(drawn)]
    with tempfile.TemporaryDirectory() as scratch:
        collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=plain)
        pipeline = collection.parts.pipeline
        # Photos are decoded as large as the recipe needs them for keypoints.
        collection.search_by(recipe)
        found = [_asked(collection, pipeline, row) for row in truth]
    return found, {m.image_id: Path(m.image) for asked in found for m in asked.matches}


def _asked(collection: Collection, pipeline: Pipeline, row: TruthRow) -> Asked:
    query = pipeline.describe(collection.photo(row.image), 7 + len(row.ignore_ids))
    return Asked(query, row, pipeline.retrieve(query, Matches()))


def compare(
    asked: Asked, gallery: Mapping[str, Keypoints], verifications: Sequence[LocalFeatures]
) -> list[Compared]:
    """Return what each verification finds; all of them see the same matches."""
    compared = [Compared() for _ in verifications]
    assert asked.keypoints is not None  # noqa: S101  (extracted just before)
    for match in asked.matches:
        other = gallery[match.image_id]
        start = time.perf_counter()
        pairs = verifications[0].matcher(asked.keypoints)(other)
        matched = time.perf_counter()
        for local, found in zip(verifications, compared, strict=True):
            begun = time.perf_counter()
            agreement = local.agree(asked.keypoints, other, pairs)
            found.geometry[match.image_id] = Geometry(other, agreement)
            found.verify_ms += (time.perf_counter() - begun) * 1000
            found.match_ms += (matched - start) * 1000
    return compared


def measure(
    queries: Sequence[Asked], compared: Sequence[Compared], formula: Formula
) -> tuple[Summary, float]:
    """Return the figures of one scorer, and the median milliseconds of a query."""
    results = []
    for asked, found in zip(queries, compared, strict=True):
        verified = (verified_by(match, found) for match in asked.matches)
        ranked = asked.matches.with_rows(verified).rescored(formula)
        truth = asked.truth
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
        [asked.extract_ms for asked in queries],
        [found.match_ms for found in compared],
        [found.verify_ms for found in compared],
    )
    return summarise(results), sum(statistics.median(part) for part in parts)


def verified_by(match: Match, found: Compared) -> Match:
    """Return a match with what verification found, as the search's own step leaves it."""
    geometry = found.geometry[match.image_id]
    reasons = replace(match.reasons, inliers=geometry.agreement.count)
    return replace(match, reasons=reasons, geometry=geometry)


def extract(
    local: LocalFeatures, limit: int, queries: Sequence[Asked], pictures: Mapping[str, Path]
) -> dict[str, Keypoints]:
    """Take the keypoints of every photo, and return those of the gallery."""
    for asked in queries:
        start = time.perf_counter()
        asked.keypoints = local.extract(asked.query.pixels)
        asked.extract_ms = (time.perf_counter() - start) * 1000
    return {
        name: local.extractor(
            decode(path, least_side=local.longest), longest=local.longest, limit=limit
        )
        for name, path in pictures.items()
    }


def rows(
    kind: str, file: str | None, queries: Sequence[Asked], pictures: Mapping[str, Path]
) -> Iterator[dict[str, object]]:
    """Yield the figures of every verification and scorer of one extractor."""
    keypoints = KeypointSettings(kind=kind, file=file if kind == "onnx" else None)
    base = MATCHING.get(kind, VerifySettings())
    names = [name for name in VERIFICATIONS if (kind, name) != ("onnx", "similarity")]
    own = [base.model_copy(update={"transform": name}) for name in names]
    gallery = extract(make_local_features(keypoints, base), keypoints.gallery, queries, pictures)
    size = statistics.mean(len(found.to_bytes()) for found in gallery.values())
    for label, tried, scorers in (("own", own, tuple(SCORERS)), ("paper", [PAPER], ("inliers",))):
        verifications = [make_local_features(keypoints, settings) for settings in tried]
        compared = [compare(asked, gallery, verifications) for asked in queries]
        for position, settings in enumerate(tried):
            found = [each[position] for each in compared]
            for scorer in scorers:
                summary, spent = measure(queries, found, SCORERS[scorer])
                yield {
                    "extractor": kind,
                    "matching": label,
                    "transform": settings.transform,
                    "scorer": scorer,
                    "ms": round(spent, 1),
                    "bytes": round(size),
                    **summary.as_dict(),
                }


def main() -> None:
    """Measure every set, extractor, verification and scorer; print a table, or JSON lines."""
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
        f"{row['set']:7} {row['extractor']:8} {row['matching']:5} {row['transform']:10} "
        f"{row['scorer']:19} mAP@7 {overall['map7_challenge']:.3f} ({low:.2f}-{high:.2f})  "
        f"n {overall['queries']}  {row['ms']:.0f} ms  {row['bytes']} bytes",
        flush=True,
    )


if __name__ == "__main__":
    main()
