"""Comparison of descriptors: encoder x input side x pooling x whitening.

Each network runs once per input side. The descriptors of every pooling are cached on disk, and
whitenings are learnt and scored on them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from beautylens.arrays import Float32
from beautylens.catalogue.table import Catalogue
from beautylens.catalogue.truth import TruthRow
from beautylens.errors import ImageError
from beautylens.evaluation.grid.extraction import OWN, Extracted, extract
from beautylens.evaluation.metrics import recall_at
from beautylens.evaluation.tune.cache import Memory, digest_of, pictures_digest
from beautylens.evaluation.tune.photos import precision_of
from beautylens.evaluation.tune.search import Figures
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.encoder.whitening import Whitening
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode
from beautylens.ingest.training_sample import sample
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import EncoderSettings, ProjectionSettings
from beautylens.recipe.settings import PoolingSettings

# Input sides to try, relative to an encoder's own.
SHARES = (0.5, 0.75, 1.0, 1.25)
POOLINGS = ("mac", "gem", "rmac", "ramac")
WHITENED = ProjectionSettings(dimensions=256, power=0.5, sample=2000)
# Photos whose encoding is timed.
TIMED = 8


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor, as a recipe without other steps, and its figures.

    `figures.milliseconds` is the time of decoding and encoding; `recall` is the share of photos
    with a right product in the short-list, an upper bound for re-ranking.
    """

    recipe: Recipe
    figures: Figures
    recall: float


class Descriptors:
    """A catalogue and labelled photos on which descriptors are compared.

    Args:
        catalogue: the gallery, one row per picture, by image id.
        photos: the photos for selection.
        start: the recipe whose views and depth are used.
        memory: caches descriptors and times.
        progress: called after each picture that a network has described.

    Afterwards `unreadable` is the number of photos that cannot be read; they find nothing.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        photos: Sequence[TruthRow],
        start: Recipe,
        memory: Memory,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._catalogue, self._photos, self._start = catalogue, photos, start
        self._memory, self._progress = memory, progress
        self._paths = [catalogue.image_path(image) for image in catalogue.rows["image"].to_pylist()]
        self._products = catalogue.rows["product_id"].to_pylist()
        self.unreadable = 0

    @property
    def pictures(self) -> int:
        """How many pictures a network describes at one input side."""
        return len(self._paths) + len(self._photos) * len(self._start.retrieve.views)

    def compare(self, settings: EncoderSettings) -> Iterator[Descriptor]:
        """Yield the descriptor of every pooling and whitening of one network at one input side."""
        encoder = Encoder.load(
            settings.file, side=settings.side, pooling=settings.pooling, scales=settings.scales
        )
        poolings = _poolings(encoder)
        gallery, views = self._rows(encoder, poolings)
        self.unreadable = int((~views[0][OWN].any(axis=1)).sum())
        spent = self._milliseconds(encoder)
        for pooling in poolings:
            whitened = pooling == OWN and encoder.whitening is not None
            chosen = settings
            if pooling != OWN:
                chosen = settings.model_copy(update={"pooling": PoolingSettings(name=pooling)})
            for projection in _projections(self._start, settings, whitened=whitened):
                made = self._start.model_copy(
                    update={"encoders": (chosen,), "projection": projection}
                )
                precisions, recall = self._memory.values(
                    digest_of("scored", encoder.fingerprint, pooling, projection, self._asked),
                    partial(
                        self._scored, projection, gallery[pooling], [v[pooling] for v in views]
                    ),
                )
                yield Descriptor(bare(made), Figures(tuple(precisions), spent), recall)

    @cached_property
    def _asked(self) -> str:
        """A digest of queries and gallery."""
        right = [(sorted(row.product_ids), sorted(row.ignore_ids)) for row in self._photos]
        pictures = pictures_digest([*self._paths, *(row.image for row in self._photos)])
        retrieve = self._start.retrieve
        return digest_of(pictures, self._products, right, retrieve.views, retrieve.depth)

    def _rows(
        self, encoder: Encoder, poolings: Sequence[str]
    ) -> tuple[Mapping[str, Float32], list[Mapping[str, Float32]]]:
        """Return the descriptors by pooling, of the gallery and of each view of the photos."""
        described = partial(self._described, encoder, poolings)
        photos = [row.image for row in self._photos]
        return (
            described(self._paths, views=(1.0,), query=False),
            [described(photos, views=(view,), query=True) for view in self._start.retrieve.views],
        )

    def _described(
        self,
        encoder: Encoder,
        poolings: Sequence[str],
        paths: Sequence[AnyPath],
        *,
        views: tuple[float, ...],
        query: bool,
    ) -> Mapping[str, Float32]:
        stepped = 0

        def step() -> None:
            nonlocal stepped
            stepped += 1
            self._progress()

        def make() -> Mapping[str, Float32]:
            found: Extracted = extract(
                encoder, paths, poolings, views=views, query=query, progress=step
            )
            return found.rows

        key = digest_of(encoder.fingerprint, *poolings, views, query, pictures_digest(paths))
        rows = self._memory.arrays(key, make)
        for _ in range(len(paths) - stepped):
            self._progress()
        return rows

    def _milliseconds(self, encoder: Encoder) -> float:
        """Return the median time of decoding a photo and encoding its views."""
        views = self._start.retrieve.views
        paths = [row.image for row in self._photos][: TIMED + 1]

        def make() -> float:
            spent = []
            for path in paths:
                start = time.perf_counter()
                with suppress(ImageError):
                    encoder.describe_views(
                        decode(path, least_side=round(encoder.side / min(views))), views
                    )
                    spent.append((time.perf_counter() - start) * 1000)
            # The first one includes the compilation of the network.
            return statistics.median(spent[1:] or spent or [0.0])

        key = digest_of("encoding", encoder.fingerprint, views, pictures_digest(paths))
        return float(self._memory.values(key, make))

    def _learnt(self, wanted: ProjectionSettings | None, rows: Float32) -> Whitening | None:
        """Return the projection that indexing would learn from these rows."""
        if wanted is None:
            return None
        chosen = set(sample(self._catalogue, wanted.sample).rows["image_id"].to_pylist())
        ids = self._catalogue.rows["image_id"].to_pylist()
        learning = rows[[row for row, name in enumerate(ids) if name in chosen]]
        learning = learning[learning.any(axis=1)]
        kept = wanted.dimensions and min(wanted.dimensions, len(learning) - 1, learning.shape[1])
        return Whitening.fit(learning, kept, power=wanted.power, zscore=wanted.zscore)

    def _scored(
        self, projection: ProjectionSettings | None, rows: Float32, views: Sequence[Float32]
    ) -> tuple[list[float], float]:
        """Return AP@7 of each photo, and the recall of the short-list."""
        learnt = self._learnt(projection, rows)
        gallery = _projected(learnt, rows)
        queries = unit_rows(np.sum([_projected(learnt, view) for view in views], axis=0))
        readable = gallery.any(axis=1)
        precisions, recalls = [], []
        for row, query in zip(self._photos, queries, strict=True):
            cosines = np.where(readable, gallery @ query, -np.inf)
            order = np.argsort(-cosines, kind="stable")[: self._start.retrieve.depth]
            # A photo that cannot be read finds nothing.
            ranking = [self._products[index] for index in order] if query.any() else []
            precisions.append(precision_of(row, ranking))
            recalls.append(recall_at(ranking, row.product_ids, max(len(ranking), 1)))
        return precisions, float(np.mean(recalls))


def sides(settings: EncoderSettings) -> list[EncoderSettings]:
    """Return an encoder at its own input side and at the other sides to try.

    Raises:
        EncoderError: when there is no such encoder.
    """
    spec = Encoder.load(settings.file, side=settings.side, scales=settings.scales).spec
    found = {spec.side: settings}
    for share in () if spec.fixed_side else SHARES:
        side = max(2, round(spec.side * share / spec.stride)) * spec.stride
        if 32 <= side <= 2048:
            found.setdefault(side, settings.model_copy(update={"side": side}))
    return [found[side] for side in sorted(found)]


def finalists(compared: Sequence[Descriptor], start: Recipe) -> list[Descriptor]:
    """Return the descriptors for the search, at most three.

    The recipe's own, the best by the sum of mAP@7 and recall, and the best at half of that one's
    time.
    """
    own = [d for d in compared if d.recipe == bare(start)]
    first = _best(compared)
    faster = [d for d in compared if d.figures.milliseconds <= first.figures.milliseconds / 2]
    chosen = [*own, first, *([_best(faster)] if faster else [])]
    return [d for index, d in enumerate(chosen) if d not in chosen[:index]]


def _best(compared: Sequence[Descriptor]) -> Descriptor:
    return max(
        compared, key=lambda d: (round(d.figures.map7 + d.recall, 6), -d.figures.milliseconds)
    )


def bare(recipe: Recipe) -> Recipe:
    """Return a recipe with only its descriptor and its short-list."""
    return Recipe(
        name=recipe.name,
        encoders=recipe.encoders,
        projection=recipe.projection,
        retrieve=recipe.retrieve,
    )


def _poolings(encoder: Encoder) -> list[str]:
    """Return the encoder's own pooling and the others, without duplicates."""
    own = encoder.spec.pooling
    plain = own.name if encoder.whitening is None and not own.options else None
    return [OWN, *(name for name in POOLINGS if name != plain)]


def _projections(
    start: Recipe, settings: EncoderSettings, *, whitened: bool
) -> list[ProjectionSettings | None]:
    """Return the projections to try; a pooling with its own whitening is not whitened again."""
    own = start.projection if settings.file == start.encoders[0].file else None
    tried = [None, own] if whitened else [None, own, WHITENED]
    return list(dict.fromkeys(tried))


def _projected(learnt: Whitening | None, rows: Float32) -> Float32:
    """Return the projected rows; zero rows, of unreadable pictures, stay zero."""
    if learnt is None:
        return rows
    return np.where(rows.any(axis=1, keepdims=True), learnt(rows), np.float32(0))
