"""Figures of recipes on one collection: quality with cached features, times without the cache."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from beautylens.arrays import Float32, UInt8
from beautylens.assemble.parts import make_extractor, make_pipeline
from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection
from beautylens.errors import ImageError
from beautylens.evaluation.metrics import QueryResult
from beautylens.evaluation.run import run_queries
from beautylens.evaluation.tune.cache import Memory, digest_of, pictures_digest
from beautylens.evaluation.tune.photos import precision_of
from beautylens.evaluation.tune.search import Figures, Measure
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.precision import Precision
from beautylens.features.local.extractors import Extractor
from beautylens.features.local.keypoints import Keypoints
from beautylens.ingest.derive import derive
from beautylens.recipe.recipe import Recipe
from beautylens.text.ocr import Line, shared_reader

# Photos whose searches are timed, including decoding.
TIMED = 9
LIMIT = 7

# The number and decoded shape of a photo: its features depend on both.
PhotoKey = tuple[int, tuple[int, ...]]


class CachedEncoder(BaseEncoder):
    """An encoder that describes each photo once for all recipes; `photo` is the current one."""

    def __init__(self, encoder: BaseEncoder) -> None:
        self._encoder = encoder
        self.photo: PhotoKey = (0, ())
        self._rows: dict[tuple[PhotoKey, tuple[float, ...]], Float32] = {}

    @property
    def name(self) -> str:
        """The encoder's name."""
        return self._encoder.name

    @property
    def side(self) -> int:
        """The encoder's input side."""
        return self._encoder.side

    @property
    def fingerprint(self) -> str:
        """The encoder's fingerprint."""
        return self._encoder.fingerprint

    @property
    def precision(self) -> Precision:
        """The encoder's precision."""
        return self._encoder.precision

    def fit(self, picture: UInt8) -> Any:
        """Return a picture fitted to the encoder's input."""
        return self._encoder.fit(picture)

    def describe(self, fitted: Sequence[Any], *, query: bool = False) -> Float32:
        """Return the descriptors of fitted pictures."""
        return self._encoder.describe(fitted, query=query)

    def describe_views(self, picture: UInt8, views: Sequence[float]) -> Float32:
        """Return the descriptor of the current photo."""
        key = self.photo, tuple(views)
        if key not in self._rows:
            self._rows[key] = self._encoder.describe_views(picture, views)
        return self._rows[key]


class CachedReader:
    """Reads the words of each photo once; `photo` is the current one."""

    def __init__(self) -> None:
        self.photo: PhotoKey = (0, ())
        self._lines: dict[PhotoKey, tuple[Line, ...]] = {}

    def __call__(self, picture: UInt8) -> tuple[Line, ...]:
        """Return the lines on the current photo."""
        if self.photo not in self._lines:
            self._lines[self.photo] = shared_reader()(picture)
        return self._lines[self.photo]


class CachedExtractor:
    """Extracts the keypoints of each photo once; `photo` is the current one."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor, self.distance = extractor, extractor.distance
        self.photo: PhotoKey = (0, ())
        self._keypoints: dict[tuple[PhotoKey, int, int], Keypoints] = {}

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the keypoints of the current photo."""
        key = self.photo, longest, limit
        if key not in self._keypoints:
            self._keypoints[key] = self._extractor(picture, longest=longest, limit=limit)
        return self._keypoints[key]


class Trials:
    """Measures recipes on labelled photos with one collection.

    Args:
        collection: built with every part that the recipes use.
        key: identifies the collection's rows in the cache.
        photos: the photos for selection.
        memory: caches the figures.

    `full` is the recipe of the collection, `failures` its pictures that could not be read.
    """

    def __init__(
        self, collection: Collection, key: str, photos: Sequence[TruthRow], memory: Memory
    ) -> None:
        self._collection, self._key, self.full = collection, key, collection.recipe
        self.failures = collection.failures()
        self._photos, self._memory = photos, memory
        self._encoder, self._reader = CachedEncoder(collection.encoder), CachedReader()
        keypoints = collection.recipe.keypoints
        self._extractor = CachedExtractor(make_extractor(keypoints)) if keypoints else None

    def __call__(self, recipe: Recipe) -> Figures:
        """Return AP@7 of each photo, and the median time of a query."""
        return self._cached("chosen", recipe, self._photos, self._measured)

    def report(self, recipe: Recipe, photos: Sequence[TruthRow]) -> Figures:
        """Return the figures on other photos, each searched without cached features."""
        return self._cached("reported", recipe, photos, lambda r: self._uncached(r, photos))

    def _cached(
        self, kind: str, recipe: Recipe, photos: Sequence[TruthRow], make: Measure
    ) -> Figures:
        asked = [
            (pictures_digest([row.image]), sorted(row.product_ids), sorted(row.ignore_ids))
            for row in photos
        ]
        key = digest_of(kind, self._key, recipe.model_dump_json(), asked)

        def plain() -> list[Any]:
            figures = make(recipe)
            return [list(figures.precisions), figures.milliseconds]

        precisions, spent = self._memory.values(key, plain)
        return Figures(tuple(precisions), spent)

    def _measured(self, recipe: Recipe) -> Figures:
        opened = self._collection
        # The collection was built by another recipe, which may lack this one's artefacts.
        derive(recipe, opened.gallery)
        opened.search_by(recipe)
        pipeline = make_pipeline(
            recipe,
            opened.gallery,
            self._encoder,
            opened.parts.vlad,
            reader=lambda: self._reader,
            extractor=self._extractor,
        )
        precisions = []
        for number, row in enumerate(self._photos):
            ranking: list[str] = []
            with suppress(ImageError):
                photo = opened.photo(row.image)
                key = number, photo.pixels.shape
                self._encoder.photo = self._reader.photo = key
                if self._extractor is not None:
                    self._extractor.photo = key
                matches = pipeline.search(photo, LIMIT + len(row.ignore_ids))
                ranking = [match.product.product_id for match in matches]
            precisions.append(precision_of(row, ranking))
        return Figures(tuple(precisions), self._milliseconds())

    def _milliseconds(self) -> float:
        """Return the median time of a query, from the photo's file to its result."""
        step = max(1, len(self._photos) // TIMED)
        rows = self._photos[::step][:TIMED]
        # The first search is a warm-up.
        return _median(list(run_queries(self._collection, [rows[0], *rows]))[1:])

    def _uncached(self, recipe: Recipe, photos: Sequence[TruthRow]) -> Figures:
        derive(recipe, self._collection.gallery)
        self._collection.search_by(recipe)
        results = list(run_queries(self._collection, photos))
        precisions = (precision_of(row, r.ranking) for row, r in zip(photos, results, strict=True))
        return Figures(tuple(precisions), _median(results))


def _median(results: Sequence[QueryResult]) -> float:
    """Return the median milliseconds of the readable photos; infinite if there is none."""
    spent = [r.matches.milliseconds["total"] for r in results if r.matches is not None]
    return statistics.median(spent) if spent else math.inf
