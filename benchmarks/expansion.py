"""What query expansion, database augmentation and diffusion add, with and without keypoints.

    python benchmarks/expansion.py DATA [--json] [--sets beauty packs grocery]

DATA holds a folder a set, each with catalogue.csv and truth.csv (or val.csv). A set is indexed
once with the default recipe without text and colours, its queries are described once, and keypoints
are matched once for each query and image. With keypoints the scorer is `cosine_plus_inliers`. `ms`
is the median of what the step alone takes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from beautylens.assemble.parts import make_expansion, make_local_features
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection
from beautylens.evaluation.metrics import QueryResult, summarise
from beautylens.features.neighbours.diffusion import Graph
from beautylens.indexing import build
from beautylens.ingest.derive import Derived
from beautylens.ingest.offline_diffusion import NeighbourGraph, OfflineDiffusion
from beautylens.ingest.originals import augment_gallery
from beautylens.query import Query
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    AlphaQuerySettings,
    CosinePlusInliersSettings,
    DiffusionSettings,
    LateDiffusionSettings,
    SuperGlobalSettings,
)
from beautylens.results import Matches
from beautylens.search.expansion import Expansion
from beautylens.search.judge.scorer import cosine_plus_inliers
from beautylens.search.retrieve import nearest
from beautylens.search.verify import Verify
from beautylens.store.gallery import Gallery

LIMIT = 7
SCORER = CosinePlusInliersSettings(kind="cosine_plus_inliers")
# n, alpha and weight; the second is that of ramac2018.
AUGMENTED = ((1, 0.0, 1.0), (1, 0.0, 0.5), (1, 3.0, 1.0), (5, 3.0, 1.0), (10, 3.0, 1.0))


@dataclass(slots=True)
class Asked:
    """A query that has been described, and what is known of its keypoints by image id."""

    truth: TruthRow
    query: Query
    inliers: dict[str, int] = field(default_factory=dict)


class Bench:
    """One set: its collection, its described queries, and the steps around the expansion."""

    def __init__(self, recipe: Recipe, collection: Collection, truth: list[TruthRow]) -> None:
        assert recipe.verify is not None  # noqa: S101  (the default recipe verifies)
        assert recipe.keypoints is not None  # noqa: S101  (and so takes keypoints)
        self.gallery, self._depth = collection.gallery, recipe.retrieve.depth
        local = make_local_features(recipe.keypoints, recipe.verify)
        self._verify = Verify(self.gallery, local)
        describe = collection.parts.pipeline.describe
        self.asked = [Asked(row, describe(collection.photo(row.image), LIMIT)) for row in truth]

    def measure(self, step: Expansion | None) -> Iterator[dict[str, Any]]:
        """Yield the figures of one step, without and with keypoints."""
        plain, verified, spent, lengths = [], [], [], []
        for asked in self.asked:
            matches = nearest(self.gallery, asked.query.descriptor, self._depth)
            start = time.perf_counter()
            if step is not None:
                matches = step(asked.query, matches)
            spent.append((time.perf_counter() - start) * 1000)
            lengths.append(len(matches))
            plain.append(self._result(asked, matches))
            verified.append(self._result(asked, self._with_keypoints(asked, matches)))
        for keypoints, results in ((False, plain), (True, verified)):
            score = summarise(results).overall
            yield {
                "keypoints": keypoints,
                "map7_challenge": round(score.map7_challenge, 4),
                "interval": [round(end, 3) for end in score.intervals["map7_challenge"]],
                "ms": round(statistics.median(spent), 1),
                "images": round(statistics.mean(lengths)),
            }

    def _result(self, asked: Asked, matches: Matches) -> QueryResult:
        truth = asked.truth
        found = matches.products().top(LIMIT + len(truth.ignore_ids))
        return QueryResult(
            truth.image, truth.product_ids, truth.ignore_ids, truth.kind, found, None
        )

    def _with_keypoints(self, asked: Asked, matches: Matches) -> Matches:
        """Do as verification and scorer do, but match each image's keypoints once for all steps."""
        unknown = [match for match in matches if match.image_id not in asked.inliers]
        if unknown:
            for match in self._verify(asked.query, Matches.ranked(unknown)):
                asked.inliers[match.image_id] = match.reasons.inliers or 0
        verified = matches.with_rows(
            replace(match, reasons=replace(match.reasons, inliers=asked.inliers[match.image_id]))
            for match in matches
        )
        return verified.rescored(partial(cosine_plus_inliers, weight=SCORER.weight))


def steps(gallery: Gallery) -> Iterator[tuple[str, Expansion | None]]:
    """Yield the expansions under the names they are reported by, and none of them."""
    yield "none", None
    for n in (1, 3, 5):
        for alpha in (0.0, 3.0):
            settings = AlphaQuerySettings(kind="alpha_qe", n=n, alpha=alpha)
            yield f"alpha_qe n={n} alpha={alpha:g}", make_expansion(settings, gallery)
    third = AlphaQuerySettings(kind="alpha_qe", n=1, alpha=0.0, weight=0.5)
    yield "alpha_qe of ustc2020", make_expansion(third, gallery)
    for depth in (100, 400):
        for k_d in (5, 10, 50):
            early = DiffusionSettings(kind="diffusion", depth=depth, k_d=k_d)
            graph = Derived(graph=NeighbourGraph.of(gallery, k_d))
            yield f"diffusion depth={depth} k_d={k_d}", make_expansion(early, gallery, graph)
    published = DiffusionSettings(kind="diffusion", depth=1024, k_q=7, gamma_q=80)
    graph = Derived(graph=NeighbourGraph.of(gallery, published.k_d))
    yield "diffusion of uel2019", make_expansion(published, gallery, graph)
    for k_d in (5, 10, 50):
        late = LateDiffusionSettings(kind="late_diffusion", k_d=k_d)
        offline = OfflineDiffusion.of(gallery, Graph(k_d=k_d), truncation=late.truncation)
        yield f"late_diffusion k_d={k_d}", make_expansion(late, gallery, Derived(offline))
    for depth in (100, 400):
        superglobal = SuperGlobalSettings(kind="superglobal", depth=depth)
        yield f"superglobal depth={depth}", make_expansion(superglobal, gallery)


def measure_set(folder: Path, recipe: Recipe, *, as_json: bool) -> None:
    """Index one set and report every step, then the augmented gallery."""
    table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
    truth = [row for row in read_truth(table) if row.product_ids]
    with tempfile.TemporaryDirectory() as scratch:
        collection, _ = build(folder / "catalogue.csv", Path(scratch) / "c.lens", recipe=recipe)
        bench = Bench(recipe, collection, truth)
        for name, step in steps(bench.gallery):
            report(folder.name, name, bench.measure(step), as_json=as_json)
        for n, alpha, weight in AUGMENTED:
            augment_gallery(bench.gallery, n, alpha, weight)
            name = f"augmented n={n} alpha={alpha:g} weight={weight:g}"
            report(folder.name, name, bench.measure(None), as_json=as_json)
            both = make_expansion(AlphaQuerySettings(kind="alpha_qe", n=1, alpha=0), bench.gallery)
            report(folder.name, f"{name}, alpha_qe", bench.measure(both), as_json=as_json)


def report(name: str, variant: str, figures: Iterator[dict[str, Any]], *, as_json: bool) -> None:
    """Print one variant's figures, without and with keypoints."""
    deep, full = figures
    if as_json:
        for row in (deep, full):
            print(json.dumps({"set": name, "variant": variant, **row}), flush=True)
        return
    cells = [
        f"{row['map7_challenge']:.3f} ({row['interval'][0]:.2f}-{row['interval'][1]:.2f})"
        for row in (deep, full)
    ]
    print(
        f"{name:8} {variant:40} deep {cells[0]}  with keypoints {cells[1]}  "
        f"{deep['ms']:6.1f} ms  {deep['images']} images",
        flush=True,
    )


def main() -> None:
    """Measure every set and variant; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty", "packs", "grocery"])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    # Text and colours are not compared here, and reading every picture takes long.
    unread = {"read": None, "compare_text": None, "colour": None}
    recipe = read_recipe("default").model_copy(update=unread)
    for name in arguments.sets:
        measure_set(arguments.data / name, recipe, as_json=arguments.json)


if __name__ == "__main__":
    main()
