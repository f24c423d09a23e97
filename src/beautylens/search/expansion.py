"""Query expansion, diffusion and SuperGlobal: the neighbours' neighbours of a photo.

Each kind decides an order only. The scores stay the cosines to the photo: the first image gets the
largest, the second the next, so that evidence of later steps weighs the same with and without
expansion, whatever scale a kind's own measure has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from beautylens.arrays import Float32, Floating
from beautylens.features.neighbours.diffusion import affinity, diffuse
from beautylens.features.neighbours.knn import blend, nearest_neighbours
from beautylens.ingest.offline_diffusion import NeighbourGraph, OfflineDiffusion
from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery


class Expansion(ABC):
    """A step after retrieval; its kinds implement the order."""

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return as many images in the new order, then those matches that are not among them."""
        if len(matches) == 0:
            return matches
        return _reordered(self.order(query.descriptor, matches, query.where), matches)

    @abstractmethod
    def order(self, query: Float32, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return images best first, each with its cosine to the query (D,) as a reason."""


class AlphaQueryExpansion(Expansion):
    """Alpha query expansion (Radenovic et al., 2018): search again with a blended descriptor.

    n = 1 and alpha = 0 is that of the 2018 system: the mean of the query and its nearest.

    Args:
        gallery: the images to search.
        n: nearest images to blend in; 0 changes nothing.
        alpha: exponent of the similarity in an image's weight.
        weight: of the nearest images; the query's own is 1.
    """

    def __init__(
        self, gallery: Gallery, *, n: int = 3, alpha: float = 3.0, weight: float = 1.0
    ) -> None:
        self._gallery, self._n, self._alpha, self._weight = gallery, n, alpha, weight

    def order(self, query: Float32, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the nearest images to the blended descriptor."""
        near = _nearest(self._gallery, query, matches, where, self._n)
        blended = blend(query, near.descriptors, near.cosines, self._alpha, self._weight)
        found = nearest(self._gallery, blended, len(matches), where)
        cosines = self._gallery.rows.descriptors([match.image_id for match in found]) @ query
        return [
            replace(match, reasons=replace(match.reasons, visual=float(cosine)))
            for match, cosine in zip(found, cosines, strict=True)
        ]


class Diffusion(Expansion):
    """Diffusion over the images nearest to the photo (Iscen et al., 2017): early truncation.

    Args:
        gallery: holds the descriptors.
        graph: mutual nearest neighbours in the whole gallery.
        depth: images that it is cut down to; those beyond the short-list are retrieved.
        gamma: exponent of the similarity in an edge's weight.
        alpha: damping factor, below 1.
        k_q: nearest images that the photo is joined to.
        gamma_q: exponent of their similarity.
    """

    def __init__(
        self,
        gallery: Gallery,
        graph: NeighbourGraph,
        *,
        depth: int = 400,
        gamma: float = 3.0,
        alpha: float = 0.99,
        k_q: int = 10,
        gamma_q: float = 3.0,
    ) -> None:
        self._gallery, self._graph, self._depth = gallery, graph, depth
        self._gamma, self._alpha = gamma, alpha
        self._k_q, self._gamma_q = k_q, gamma_q

    def order(self, query: Float32, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the images by their diffusion score."""
        near = _nearest(self._gallery, query, matches, where, self._depth)
        similarities = self._graph.among([match.image_id for match in near.rows])
        edges = affinity(similarities, self._gamma)
        scores = diffuse(edges, near.cosines, self._alpha, k_q=self._k_q, gamma_q=self._gamma_q)
        return _by(near.rows, scores)


class LateDiffusion(Expansion):
    """Diffusion computed offline for every gallery image (Yang et al., 2019).

    Args:
        gallery: holds the images that the photo reaches.
        offline: computed over that gallery.
        k_q: nearest images that the photo is joined to.
        gamma_q: exponent of their similarity.
    """

    def __init__(
        self, gallery: Gallery, offline: OfflineDiffusion, *, k_q: int = 10, gamma_q: float = 3.0
    ) -> None:
        self._gallery, self._offline = gallery, offline
        self._k_q, self._gamma_q = k_q, gamma_q
        self._checked = -1

    def order(self, query: Float32, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the matches and other images that the diffusion reaches, by its score.

        Raises:
            CollectionError: when the gallery has changed since the offline part was computed.
        """
        self._refuse_changed()
        seeds = sorted(matches, key=_nearest_first)[: self._k_q]
        weights = np.maximum([_cosine(match) for match in seeds], 0.0) ** self._gamma_q
        scores = self._offline.scores([match.image_id for match in seeds], weights)
        reached = sorted(scores, key=lambda image_id: (-scores[image_id], image_id))
        wanted = {match.image_id for match in matches} | set(reached[: len(matches)])
        found = self._gallery.rows.among(sorted(wanted), query, where)
        return _by(found.rows, np.array([scores.get(match.image_id, 0.0) for match in found]))

    def _refuse_changed(self) -> None:
        """Compare the images once for each version of the gallery."""
        version = self._gallery.version
        if version != self._checked:
            self._offline.refuse_changed(self._gallery)
            self._checked = version


class SuperGlobal(Expansion):
    """Re-ranking by descriptors refined among themselves (SuperGlobal; Shao et al., 2023).

    Args:
        gallery: holds the descriptors.
        depth: images to re-rank; those beyond the short-list are retrieved.
    """

    def __init__(self, gallery: Gallery, *, depth: int = 400) -> None:
        self._gallery, self._depth = gallery, depth

    def order(self, query: Float32, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the images by their refined similarity."""
        near = _nearest(self._gallery, query, matches, where, self._depth)
        return _by(near.rows, superglobal(query, near.descriptors))


def superglobal(
    query: Float32,
    descriptors: Float32,
    *,
    neighbours: int = 10,
    share: float = 0.15,
    top: int = 10,
) -> Float32:
    """Return (q·x'_i + q'·x'_i) / 2 for each image of a short-list: (N,).

    x'_i is the mean of x_i, weighing 1, and its nearest in the short-list, each weighing `share`
    times its similarity; q' is the maximum of each dimension over the x' nearest to the query.

    Args:
        query: (D,) float32, unit length.
        descriptors: (N, D) float32, unit rows.
        neighbours: images averaged into one, itself included.
        share: the weight of the others.
        top: number of x' over which q' is the maximum.
    """
    if len(descriptors) == 0:
        return np.zeros(0, np.float32)
    near = nearest_neighbours(descriptors, neighbours - 1)
    weights = share * np.maximum(near.similarities, 0)
    others = np.einsum("nk,nkd->nd", weights, descriptors[near.rows])
    refined = (descriptors + others) / (1 + weights.sum(axis=1, keepdims=True))
    first = np.argsort(-(refined @ query), kind="stable")[:top]
    scores: Float32 = refined @ (query + refined[first].max(axis=0)) / 2
    return scores


EXPANSIONS: dict[str, Callable[..., Expansion]] = {
    "alpha_qe": AlphaQueryExpansion,
    "diffusion": Diffusion,
    "late_diffusion": LateDiffusion,
    "superglobal": SuperGlobal,
}


class _Near(NamedTuple):
    """Images with their descriptors (N, D) and cosines to the photo (N,), nearest first."""

    rows: tuple[Match, ...]
    descriptors: Float32
    cosines: Float32


def _nearest(
    gallery: Gallery, query: Float32, matches: Matches, where: str | None, depth: int
) -> _Near:
    """Return the `depth` images nearest to the photo, from the short-list and beyond."""
    known = {match.image_id: match for match in matches}
    if depth > len(matches):
        known = {match.image_id: match for match in nearest(gallery, query, depth, where)} | known
    rows = tuple(sorted(known.values(), key=_nearest_first)[:depth])
    descriptors = gallery.rows.descriptors([match.image_id for match in rows])
    return _Near(rows, descriptors, descriptors @ query)


def _by(rows: Sequence[Match], values: Floating) -> list[Match]:
    """Return the rows by descending value, then by cosine, then by image id."""
    pairs = zip(rows, values.tolist(), strict=True)
    return [row for row, _ in sorted(pairs, key=lambda pair: (-pair[1], *_nearest_first(pair[0])))]


def _reordered(order: Sequence[Match], matches: Matches) -> Matches:
    """Return the first of a new order, as many as there were, then the matches not among them.

    No match is lost: evidence of a later step may favour it.
    """
    first = order[: len(matches)]
    kept = {match.image_id for match in first}
    rest = [match for match in matches if match.image_id not in kept]
    rows = [*first, *sorted(rest, key=_nearest_first)]
    scores = sorted(map(_cosine, rows), reverse=True)
    return replace(
        matches,
        rows=tuple(replace(row, score=score) for row, score in zip(rows, scores, strict=True)),
    )


def _nearest_first(match: Match) -> tuple[float, str]:
    return -_cosine(match), match.image_id


def _cosine(match: Match) -> float:
    return match.score if match.reasons.visual is None else match.reasons.visual
