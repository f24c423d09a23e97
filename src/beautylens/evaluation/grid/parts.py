"""An ensemble part by part: each encoder of a recipe alone, all together, and what follows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.sparse import csr_matrix

from beautylens.arrays import Float32, Intp
from beautylens.evaluation.grid.change import change_of
from beautylens.evaluation.grid.extraction import Extracted, extract_with
from beautylens.evaluation.grid.grid import Grid, Outcome, System
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.ensemble import Ensemble, Part
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.neighbours.diffusion import affinity, diffuse, mutual
from beautylens.features.neighbours.knn import augment, blend, nearest_neighbours
from beautylens.files.paths import AnyPath
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import (
    AlphaQuerySettings,
    DiffusionSettings,
    ExpandSettings,
    ProjectionSettings,
    SuperGlobalSettings,
)
from beautylens.results import Matches
from beautylens.search.distances import SIMILARITIES
from beautylens.search.expansion import superglobal

# The name of all parts together in the tables.
WHOLE = "all parts"
# From a query (D,) and a gallery (N, D): the rows of the gallery, best first.
Order = Callable[[Float32, Float32], Intp]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """The descriptors of queries and gallery: (Q, D) and (N, D) float32, unit rows."""

    queries: Float32
    gallery: Float32


class Parts(Grid):
    """A grid whose systems are the encoders of a recipe, and the recipe up to its expansion.

    Steps that need a collection, such as keypoints and names, are not measured. The arguments are
    those of `Grid`.
    """

    def run_recipe(self, recipe: Recipe, encoder: BaseEncoder) -> Iterator[Outcome]:
        """Yield the outcome of each encoder, of all together, augmented, and with expansion.

        Args:
            recipe: its projection, augmentation, distance and expansion are used.
            encoder: of the recipe, without projection.
        """
        parts = encoder.parts if isinstance(encoder, Ensemble) else (Part(_single(encoder)),)
        paths = [row.image for row in self._truth]
        gallery, errors = self._extract(parts, self._paths, query=False)
        start = time.perf_counter()
        queries, unread = self._extract(parts, paths, query=True)
        self._describing = 1000 * (time.perf_counter() - start) / max(1, len(paths))
        self.errors |= {str(self._paths[index]): text for index, text in errors.items()}
        read = Extracted({}, unread), Extracted({}, errors)
        each = [Described(q, g) for q, g in zip(queries, gallery, strict=True)]
        if len(parts) > 1:
            for part, described in zip(parts, each, strict=True):
                system = System(part.encoder.name, part.encoder.spec.pooling.name, "cosine", False)
                yield self._ranked_by(_by_cosine, system, described, read)
        if recipe.ensemble.combine == "product":
            factors = [settings.weight for settings in recipe.encoders]
            yield self._product(each, factors, read)
            return
        whole = _joined(each, [part.weight for part in parts])
        if recipe.projection is not None:
            whole = _projected(whole, recipe.projection)
        name, distance = (
            WHOLE if len(parts) > 1 else parts[0].encoder.name,
            recipe.retrieve.distance,
        )
        plain: Order = partial(_by_distance, distance)
        latest = self._ranked_by(plain, System(name, "", distance, False), whole, read)
        yield latest
        if recipe.augment is not None:
            settings = recipe.augment
            rows = augment(whole.gallery, settings.n, settings.alpha, settings.weight)
            whole = replace(whole, gallery=rows)
            name = f"{name}, augmented"
            found = self._ranked_by(plain, System(name, "", distance, False), whole, read)
            yield (latest := _against(latest, found))
        order = None if recipe.expand is None else expansion_order(recipe.expand, whole.gallery)
        if order is not None and recipe.expand is not None:
            system = System(f"{name}, {recipe.expand.kind}", "", distance, False)
            yield _against(latest, self._ranked_by(order, system, whole, read))

    def _extract(
        self, parts: Sequence[Part], paths: Sequence[AnyPath], *, query: bool
    ) -> tuple[list[Float32], dict[int, str]]:
        """Return each part's descriptors, and the errors; a network that is shared runs once."""
        rows: dict[int, Float32] = {}
        errors: dict[int, str] = {}
        for key in dict.fromkeys(part.encoder.run_key for part in parts):
            pools = {
                str(index): partial(part.encoder.describe_outputs, query=query)
                for index, part in enumerate(parts)
                if part.encoder.run_key == key
            }
            first = parts[int(next(iter(pools)))].encoder
            views = self._views if query else (1.0,)
            found = extract_with(first, paths, pools, views=views, progress=self._progress)
            rows |= {int(index): values for index, values in found.rows.items()}
            errors |= found.errors
        return [rows[index] for index in range(len(parts))], errors

    def _ranked_by(
        self,
        order: Order,
        system: System,
        described: Described,
        read: tuple[Extracted, Extracted],
    ) -> Outcome:
        queries, gallery = read
        lists: list[Matches | None] = []
        start = time.perf_counter()
        for number, query in enumerate(described.queries):
            if number in queries.errors:
                lists.append(None)
                continue
            scores = np.empty(len(described.gallery), np.float32)
            scores[order(query, described.gallery)] = -np.arange(len(scores), dtype=np.float32)
            lists.append(self._short_list(scores, gallery))
        spent = 1000 * (time.perf_counter() - start) / max(1, len(lists)) + self._describing
        return self._outcome(system, lists, queries, spent)

    def _product(
        self, each: Sequence[Described], factors: Sequence[float], read: tuple[Extracted, Extracted]
    ) -> Outcome:
        """Return the outcome of the product of cosines (Hou et al., 2020)."""
        ends = np.cumsum([0, *(part.gallery.shape[1] for part in each)])

        def order(query: Float32, gallery: Float32) -> Intp:
            total = np.ones(len(gallery), np.float32)
            for start, end, factor in zip(ends[:-1], ends[1:], factors, strict=True):
                total *= 1 + factor * (gallery[:, start:end] @ query[start:end])
            return np.argsort(-total, kind="stable")

        stacked = Described(
            np.concatenate([part.queries for part in each], axis=1),
            np.concatenate([part.gallery for part in each], axis=1),
        )
        return self._ranked_by(order, System(WHOLE, "", "product", False), stacked, read)


def expansion_order(settings: ExpandSettings, gallery: Float32) -> Order | None:
    """Return how an expansion ranks a gallery in memory; None if it needs a collection.

    Images beyond its depth follow in visual order, as in `search.expansion`.

    Args:
        settings: of the recipe.
        gallery: (N, D) float32, unit rows.
    """
    if isinstance(settings, AlphaQuerySettings):
        return partial(_by_blend, settings)
    if isinstance(settings, DiffusionSettings):
        similarities = mutual(nearest_neighbours(gallery, settings.k_d - 1))
        return partial(_by_diffusion, settings, affinity(similarities, settings.gamma))
    return partial(_by_superglobal, settings) if isinstance(settings, SuperGlobalSettings) else None


def _by_cosine(query: Float32, gallery: Float32) -> Intp:
    return np.argsort(-(gallery @ query), kind="stable")


def _by_distance(distance: str, query: Float32, gallery: Float32) -> Intp:
    return np.argsort(-SIMILARITIES[distance](query, gallery), kind="stable")


def _by_blend(settings: AlphaQuerySettings, query: Float32, gallery: Float32) -> Intp:
    near = _by_cosine(query, gallery)[: settings.n]
    cosines = gallery[near] @ query
    return _by_cosine(
        blend(query, gallery[near], cosines, settings.alpha, settings.weight), gallery
    )


def _by_diffusion(
    settings: DiffusionSettings, edges: csr_matrix, query: Float32, gallery: Float32
) -> Intp:
    visual = _by_cosine(query, gallery)
    near = visual[: settings.depth]
    cut = edges[near][:, near]
    scores = diffuse(
        cut, gallery[near] @ query, settings.alpha, k_q=settings.k_q, gamma_q=settings.gamma_q
    )
    return np.concatenate([near[np.argsort(-scores, kind="stable")], visual[settings.depth :]])


def _by_superglobal(settings: SuperGlobalSettings, query: Float32, gallery: Float32) -> Intp:
    visual = _by_cosine(query, gallery)
    near = visual[: settings.depth]
    scores = superglobal(query, gallery[near])
    return np.concatenate([near[np.argsort(-scores, kind="stable")], visual[settings.depth :]])


def _joined(each: Sequence[Described], weights: Sequence[float]) -> Described:
    """Return weighted unit descriptors as one, as `Ensemble` concatenates them."""

    def join(rows: Sequence[Float32]) -> Float32:
        weighted = [part * np.float32(weight) for part, weight in zip(rows, weights, strict=True)]
        return unit_rows(np.concatenate(weighted, axis=1))

    return Described(join([part.queries for part in each]), join([part.gallery for part in each]))


def _projected(whole: Described, settings: ProjectionSettings) -> Described:
    """Return descriptors projected as fitted on those of the gallery that could be read."""
    rows = whole.gallery[whole.gallery.any(axis=1)]
    most = settings.dimensions and min(settings.dimensions, len(rows) - 1, rows.shape[1])
    learnt = Whitening.fit(rows, most, power=settings.power, zscore=settings.zscore)
    return Described(learnt(whole.queries), learnt(whole.gallery))


def _against(before: Outcome, after: Outcome) -> Outcome:
    return replace(after, change=change_of(before.results, after.results))


def _single(encoder: BaseEncoder) -> Encoder:
    if not isinstance(encoder, Encoder):
        raise TypeError(f"{encoder} is neither an encoder nor an ensemble")
    return encoder
