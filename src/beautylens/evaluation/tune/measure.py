"""Measuring recipes over the rows of one collection: quality on kept features, time on fresh."""

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
from beautylens.features.encoder.openvino import Precision
from beautylens.features.local.extractors import Extractor
from beautylens.features.local.keypoints import Keypoints
from beautylens.recipe.recipe import Recipe
from beautylens.text.ocr import Line, shared_reader

TIMED = 9
"""Photos whose searches are timed, decoding included."""
LIMIT = 7


Seen = tuple[int, tuple[int, ...]]
"""Which photo, and how large it was decoded: what features depend on beside the steps' settings."""


class Remembering(BaseEncoder):
    """An encoder that describes each photo once, however many recipes look it up.

    `seen` is the photo that is searched with at the moment.
    """

    def __init__(self, encoder: BaseEncoder) -> None:
        self._encoder = encoder
        self.seen: Seen = (0, ())
        self._rows: dict[tuple[Seen, tuple[float, ...]], Float32] = {}

    @property
    def name(self) -> str:
        """That of the encoder."""
        return self._encoder.name

    @property
    def side(self) -> int:
        """That of the encoder."""
        return self._encoder.side

    @property
    def fingerprint(self) -> str:
        """That of the encoder."""
        return self._encoder.fingerprint

    @property
    def precision(self) -> Precision:
        """That of the encoder."""
        return self._encoder.precision

    def fit(self, picture: UInt8) -> Any:
        """Return what the encoder makes of a picture."""
        return self._encoder.fit(picture)

    def describe(self, fitted: Sequence[Any], *, query: bool = False) -> Float32:
        """Return what the encoder makes of fitted pictures."""
        return self._encoder.describe(fitted, query=query)

    def describe_views(self, picture: UInt8, views: Sequence[float]) -> Float32:
        """Return the descriptor of the photo."""
        key = self.seen, tuple(views)
        if key not in self._rows:
            self._rows[key] = self._encoder.describe_views(picture, views)
        return self._rows[key]


class RememberingReader:
    """Reads the print on each photo once; `seen` is the one that is searched with."""

    def __init__(self) -> None:
        self.seen: Seen = (0, ())
        self._lines: dict[Seen, tuple[Line, ...]] = {}

    def __call__(self, picture: UInt8) -> tuple[Line, ...]:
        """Return the lines on the photo."""
        if self.seen not in self._lines:
            self._lines[self.seen] = shared_reader()(picture)
        return self._lines[self.seen]


class RememberingExtractor:
    """Takes the keypoints of each photo once; `seen` is the one that is searched with.

    Args:
        extractor: takes them.
    """

    def __init__(self, extractor: Extractor) -> None:
        self._extractor, self.distance = extractor, extractor.distance
        self.seen: Seen = (0, ())
        self._keypoints: dict[tuple[Seen, int, int], Keypoints] = {}

    def __call__(self, picture: UInt8, *, longest: int, limit: int) -> Keypoints:
        """Return the keypoints of the photo."""
        key = self.seen, longest, limit
        if key not in self._keypoints:
            self._keypoints[key] = self._extractor(picture, longest=longest, limit=limit)
        return self._keypoints[key]


class Trials:
    """Measures recipes on labelled photos over the rows of one collection.

    Args:
        collection: built with every part that the recipes use.
        key: names the collection's rows: what is measured is kept under it.
        photos: those that choose.
        memory: keeps what was measured.

    `full` is the recipe that the collection was built by, `failures` what could not be read.
    """

    def __init__(
        self, collection: Collection, key: str, photos: Sequence[TruthRow], memory: Memory
    ) -> None:
        self._collection, self._key, self.full = collection, key, collection.recipe
        self.failures = collection.failures()
        self._photos, self._memory = photos, memory
        self._encoder, self._reader = Remembering(collection.encoder), RememberingReader()
        kept = collection.recipe.keypoints
        self._extractor = RememberingExtractor(make_extractor(kept)) if kept else None

    def __call__(self, recipe: Recipe) -> Figures:
        """Return the precision of each photo, and the median time of a query."""
        return self._kept("chosen", recipe, self._photos, self._measured)

    def report(self, recipe: Recipe, photos: Sequence[TruthRow]) -> Figures:
        """Return the same of other photos, each taken through all steps as a user would have it."""
        return self._kept("reported", recipe, photos, lambda r: self._fresh(r, photos))

    def _kept(
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
        opened.search_by(recipe)
        pipeline = make_pipeline(
            recipe, opened.gallery, self._encoder, opened.vlad,
            reader=lambda: self._reader, extractor=self._extractor,
        )  # fmt: skip
        precisions = []
        for number, row in enumerate(self._photos):
            ranking: list[str] = []
            with suppress(ImageError):
                photo = opened.photo(row.image)
                seen = number, photo.pixels.shape
                self._encoder.seen = self._reader.seen = seen
                if self._extractor is not None:
                    self._extractor.seen = seen
                matches = pipeline.search(photo, LIMIT + len(row.ignore_ids))
                ranking = [match.product.product_id for match in matches]
            precisions.append(precision_of(row, ranking))
        return Figures(tuple(precisions), self._milliseconds())

    def _milliseconds(self) -> float:
        """Return the median time of a query, from the photo's file to its answer."""
        step = max(1, len(self._photos) // TIMED)
        rows = self._photos[::step][:TIMED]
        # The first search makes the pipeline ready, and is not counted.
        return _median(list(run_queries(self._collection, [rows[0], *rows]))[1:])

    def _fresh(self, recipe: Recipe, photos: Sequence[TruthRow]) -> Figures:
        self._collection.search_by(recipe)
        results = list(run_queries(self._collection, photos))
        precisions = (precision_of(row, r.ranking) for row, r in zip(photos, results, strict=True))
        return Figures(tuple(precisions), _median(results))


def _median(results: Sequence[QueryResult]) -> float:
    """Return the median milliseconds of those that were answered; infinite where none was."""
    spent = [r.matches.milliseconds["total"] for r in results if r.matches is not None]
    return statistics.median(spent) if spent else math.inf
