"""The papers' comparison: backbone x pooling x distance, with and without SIFT re-ranking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from beautylens.arrays import Float32
from beautylens.catalogue.table import Catalogue
from beautylens.catalogue.truth import TruthRow
from beautylens.errors import ImageError
from beautylens.evaluation.grid.change import Change, change_of
from beautylens.evaluation.grid.extraction import Extracted, extract
from beautylens.evaluation.grid.textual_ablation import AblationRow, RankedQuery, ablate
from beautylens.evaluation.metrics import QueryResult, Summary, summarise
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.local.extractors import sift
from beautylens.features.local.features import Agreement, LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.features.local.verification import unverified
from beautylens.files.paths import AnyPath, as_path
from beautylens.images.decode import decode
from beautylens.inputs.several import several
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product
from beautylens.search.distances import SIMILARITIES
from beautylens.search.judge.scorer import inliers
from beautylens.search.verify import verified

# Images that are re-ranked, as in the papers.
SHORT_LIST = 100
# The papers' local features, plain SIFT and only the ratio test; the limit of 500 is ours.
PAPER = LocalFeatures(
    sift(), longest=640, limit=500, ratio=0.8, mutual=False, verification=unverified
)


@dataclass(frozen=True, slots=True)
class System:
    """One cell of the grid."""

    encoder: str
    pooling: str
    distance: str
    local: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures and results of one system.

    Args:
        system: the cell.
        summary: its metrics.
        results: one per query, in the order of the truth table.
        milliseconds: mean per query.
        change: what re-ranking changed; None without it.
    """

    system: System
    summary: Summary
    results: tuple[QueryResult, ...]
    milliseconds: float
    change: Change | None = None


class Grid:
    """A catalogue and a truth table on which systems are compared; each network runs once.

    Args:
        catalogue: the gallery, in any order.
        truth: the queries.
        local: extracts and compares keypoints; without it there is no re-ranking.
        views: shares of width and height of the query's centred crops.
        depth: images of the short-list.
        similar: D, the products whose text is most similar to that of a product; without it there
            is no ablation of textual refinement.
        progress: called after each picture that a network has described.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        truth: Sequence[TruthRow],
        *,
        local: LocalFeatures | None = None,
        views: Sequence[float] = (1.0,),
        depth: int = SHORT_LIST,
        similar: Callable[[str], Sequence[str]] | None = None,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        rows = catalogue.rows.sort_by("image_id").to_pylist()
        self._paths = [catalogue.image_path(row["image"]) for row in rows]
        self._matches = [_match(row, path) for row, path in zip(rows, self._paths, strict=True)]
        self._truth, self._views, self._depth = tuple(truth), views, depth
        self._similar, self._progress = similar, progress
        self._agreements = _Agreements(local) if local else None
        self._describing = 0.0
        self.errors: dict[str, str] = {}
        self.ablations: dict[str, list[AblationRow]] = {}

    @property
    def short_list_is_all(self) -> bool:
        """Whether the short-list is the whole gallery, so that only SIFT ranks."""
        return len(self._paths) <= self._depth

    @property
    def gallery_size(self) -> int:
        """Number of catalogue pictures."""
        return len(self._paths)

    @property
    def pictures(self) -> int:
        """How many pictures each network describes."""
        return len(self._paths) + len(self._truth)

    def run(
        self,
        encoders: Mapping[str, Encoder],
        poolings: Sequence[str],
        distances: Sequence[str],
    ) -> Iterator[Outcome]:
        """Yield the outcome of every system, by encoder, pooling, distance, re-ranking.

        Afterwards `errors` holds the pictures that could not be read, and `ablations` the ablation
        of textual refinement for each encoder's first system.
        """
        poolings, distances = several(poolings), several(distances)
        for name, encoder in encoders.items():
            gallery = extract(encoder, self._paths, poolings, progress=self._progress)
            start = time.perf_counter()
            queries = extract(
                encoder,
                [row.image for row in self._truth],
                poolings,
                views=self._views,
                query=True,
                progress=self._progress,
            )
            self._describing = _mean_milliseconds(time.perf_counter() - start, self._truth)
            self.errors |= {str(self._paths[n]): text for n, text in gallery.errors.items()}
            if self._similar is not None:
                ranked = self._ranked(queries, gallery, poolings[0], distances[0])
                self.ablations[name] = ablate(ranked, self._similar)
            for pooling in poolings:
                for distance in distances:
                    yield from self._outcomes(name, pooling, distance, queries, gallery)

    def _outcomes(
        self, encoder: str, pooling: str, distance: str, queries: Extracted, gallery: Extracted
    ) -> Iterator[Outcome]:
        similarity = SIMILARITIES[distance]
        lists: list[Matches | None] = []
        start = time.perf_counter()
        for number, query in enumerate(queries.rows[pooling]):
            if number in queries.errors:
                lists.append(None)
                continue
            lists.append(self._short_list(similarity(query, gallery.rows[pooling]), gallery))
        spent = _mean_milliseconds(time.perf_counter() - start, self._truth) + self._describing
        plain = self._outcome(
            System(encoder, pooling, distance, local=False), lists, queries, spent
        )
        yield plain
        if self._agreements is not None:
            ranked = [
                None if matches is None else self._agreements.rerank(row.image, matches)
                for row, matches in zip(self._truth, lists, strict=True)
            ]
            seconds = sum(
                self._agreements.seconds(row.image, matches)
                for row, matches in zip(self._truth, lists, strict=True)
                if matches is not None
            )
            spent += _mean_milliseconds(seconds, self._truth)
            system = System(encoder, pooling, distance, local=True)
            reranked = self._outcome(system, ranked, queries, spent)
            yield replace(reranked, change=change_of(plain.results, reranked.results))

    def _ranked(
        self, queries: Extracted, gallery: Extracted, pooling: str, distance: str
    ) -> Iterator[RankedQuery]:
        """Yield the ranking of all products for each query that could be read."""
        for number, row in enumerate(self._truth):
            if number in queries.errors:
                continue
            scores = SIMILARITIES[distance](queries.rows[pooling][number], gallery.rows[pooling])
            best: dict[str, float] = {}
            for nearest in np.argsort(-scores, kind="stable"):
                if nearest not in gallery.errors:
                    product = self._matches[nearest].product.product_id
                    best.setdefault(product, float(scores[nearest]))
            yield RankedQuery(tuple(best), best, row.product_ids, row.ignore_ids)

    def _short_list(self, scores: Float32, gallery: Extracted) -> Matches:
        scores[list(gallery.errors)] = -np.inf
        order = np.argsort(-scores, kind="stable")[: self._depth]
        return Matches(
            tuple(
                replace(self._matches[index], score=float(scores[index]))
                for index in order
                if np.isfinite(scores[index])
            )
        )

    def _outcome(
        self,
        system: System,
        lists: Sequence[Matches | None],
        queries: Extracted,
        milliseconds: float,
    ) -> Outcome:
        results = tuple(
            QueryResult(
                row.image,
                row.product_ids,
                row.ignore_ids,
                row.kind,
                matches.products() if matches is not None else None,
                queries.errors.get(number),
            )
            for number, (row, matches) in enumerate(zip(self._truth, lists, strict=True))
        )
        return Outcome(system, summarise(results), results, milliseconds)


class _Agreements:
    """Keypoint matches; each picture is extracted once and each pair compared once."""

    def __init__(self, local: LocalFeatures) -> None:
        self._local = local
        self._keypoints: dict[AnyPath, Keypoints] = {}
        self._pairs: dict[tuple[AnyPath, str], Agreement] = {}
        self._seconds: dict[AnyPath | tuple[AnyPath, str], float] = {}

    def rerank(self, photo: AnyPath, matches: Matches) -> Matches:
        """Return the matches re-ranked by the number of ratio-test matches, as in the papers."""
        return Matches.ranked(self._counted(photo, match) for match in matches)

    def seconds(self, photo: AnyPath, matches: Matches) -> float:
        """Return the time of re-ranking: the photo's extraction, and each comparison."""
        pairs = ((photo, match.image) for match in matches)
        return self._seconds.get(photo, 0.0) + sum(self._seconds[pair] for pair in pairs)

    def _counted(self, photo: AnyPath, match: Match) -> Match:
        pair = (photo, match.image)
        query, gallery = self._extracted(photo), self._extracted(as_path(match.image))
        if pair not in self._pairs:
            query, gallery = self._extracted(photo), self._extracted(as_path(match.image))
            start = time.perf_counter()
            self._pairs[pair] = self._local.compare(query, gallery)
            self._seconds[pair] = time.perf_counter() - start
        found = verified(match, gallery, self._pairs[pair])
        return replace(found, score=inliers(found), geometry=None)

    def _extracted(self, path: AnyPath) -> Keypoints:
        if path not in self._keypoints:
            start = time.perf_counter()
            try:
                self._keypoints[path] = self._local.extract(decode(path))
            except ImageError:
                self._keypoints[path] = NO_KEYPOINTS
            self._seconds[path] = time.perf_counter() - start
        return self._keypoints[path]


def fastest_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcomes by increasing milliseconds."""
    return sorted(outcomes, key=lambda outcome: outcome.milliseconds)


def best_first(outcomes: Sequence[Outcome], measure: str = "challenge") -> list[Outcome]:
    """Return the outcomes by decreasing mAP@7, on ties the faster first."""
    return sorted(
        outcomes,
        key=lambda o: (-getattr(o.summary.overall, f"map7_{measure}"), o.milliseconds),
    )


def _mean_milliseconds(seconds: float, queries: Sequence[TruthRow]) -> float:
    return 1000 * seconds / max(1, len(queries))


def _match(row: Mapping[str, str], path: AnyPath) -> Match:
    product = Product(row["product_id"], row["name"], row["brand"], row["category"], row["gtin"])
    return Match(row["image_id"], product, str(path), 0.0, Reasons())
