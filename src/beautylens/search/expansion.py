"""Expansion: a second look at the gallery that also asks what the photo's neighbours resemble.

Every step decides an order. The scores stay what retrieval made them, cosines to the photo: the
first place gets the largest of them, the second the next, so that evidence added by a later step
weighs the same with and without expansion, whatever the scale of a step's own measure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beautylens.features.neighbours.diffusion import Graph, diffuse
from beautylens.features.neighbours.knn import blend, nearest_neighbours
from beautylens.ingest.offline_diffusion import OfflineDiffusion
from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.store.gallery import Gallery

Floats = NDArray[np.float32]


class Expansion(ABC):
    """A step between retrieval and re-ranking; a kind of it overrides the order alone."""

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return as many images in a better order, then those of the given ones that fell out."""
        if len(matches) == 0:
            return matches
        return _reordered(self.order(query.descriptor, matches, query.where), matches)

    @abstractmethod
    def order(self, query: Floats, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return images best first, each with its cosine to the query (D,) as its reason."""


class AlphaQueryExpansion(Expansion):
    """A new search with the photo's descriptor blended with its nearest (Radenovic et al., 2018).

    n = 1 and alpha = 0 is what the 2018 system does: the mean of the query and its nearest.

    Args:
        gallery: where to search again.
        n: how many of the nearest are blended in; 0 leaves the order as it is.
        alpha: the power that turns their similarities into weights.
    """

    def __init__(self, gallery: Gallery, *, n: int = 3, alpha: float = 3.0) -> None:
        self._gallery, self._n, self._alpha = gallery, n, alpha

    def order(self, query: Floats, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return what the blended descriptor finds."""
        near = _nearest(self._gallery, query, matches, where, self._n)
        blended = blend(query, near.descriptors, near.cosines, self._alpha)
        found = self._gallery.nearest(blended, len(matches), where)
        cosines = self._gallery.rows.descriptors([match.image_id for match in found]) @ query
        return [
            replace(match, reasons=replace(match.reasons, visual=float(cosine)))
            for match, cosine in zip(found, cosines, strict=True)
        ]


class Diffusion(Expansion):
    """Diffusion over the nearest of the photo alone (Iscen et al., 2017; early truncation).

    Args:
        gallery: holds the descriptors.
        depth: how many of the nearest take part; what the short-list lacks of them is fetched.
        k_d: neighbours of an image that it is joined to, where they count it among theirs.
        gamma: the power of a similarity that an edge weighs.
        alpha: the share of what an image holds that travels on, below 1.
        k_q: how many images the photo touches.
        gamma_q: the power of their similarity.
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        depth: int = 400,
        k_d: int = 50,
        gamma: float = 3.0,
        alpha: float = 0.99,
        k_q: int = 10,
        gamma_q: float = 3.0,
    ) -> None:
        self._gallery, self._depth, self._graph = gallery, depth, Graph(k_d, gamma, alpha)
        self._k_q, self._gamma_q = k_q, gamma_q

    def order(self, query: Floats, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the nearest by what reaches them; those outside the truncation are left out."""
        near = _nearest(self._gallery, query, matches, where, self._depth)
        spread = diffuse(
            near.descriptors, near.cosines, self._graph, k_q=self._k_q, gamma_q=self._gamma_q
        )
        return _by(near.rows, spread)


class LateDiffusion(Expansion):
    """Diffusion made offline for every gallery image, summed over the photo's nearest.

    Args:
        gallery: holds the images that the photo reaches.
        offline: what was made of that gallery (Yang et al., 2019).
        k_q: how many images the photo touches.
        gamma_q: the power of their similarity.
    """

    def __init__(
        self, gallery: Gallery, offline: OfflineDiffusion, *, k_q: int = 10, gamma_q: float = 3.0
    ) -> None:
        self._gallery, self._offline = gallery, offline
        self._k_q, self._gamma_q = k_q, gamma_q
        self._checked = -1

    def order(self, query: Floats, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the matches and what else the photo's nearest reach, by how much reaches them.

        Raises:
            CollectionError: when the gallery has changed since the offline part was made.
        """
        self._refuse_changed()
        touched = sorted(matches, key=_nearest_first)[: self._k_q]
        weights = np.maximum([_cosine(match) for match in touched], 0.0) ** self._gamma_q
        spread = self._offline.spread([match.image_id for match in touched], weights)
        reached = sorted(spread, key=lambda image_id: (-spread[image_id], image_id))
        wanted = {match.image_id for match in matches} | set(reached[: len(matches)])
        found = self._gallery.rows.among(sorted(wanted), query, where)
        return _by(found.rows, np.array([spread.get(match.image_id, 0.0) for match in found]))

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
        depth: how many of the nearest take part; what the short-list lacks of them is fetched.
    """

    def __init__(self, gallery: Gallery, *, depth: int = 400) -> None:
        self._gallery, self._depth = gallery, depth

    def order(self, query: Floats, matches: Matches, where: str | None) -> Sequence[Match]:
        """Return the nearest by their refined similarity; those beyond the depth are left out."""
        near = _nearest(self._gallery, query, matches, where, self._depth)
        return _by(near.rows, superglobal(query, near.descriptors))


def superglobal(
    query: Floats, descriptors: Floats, *, neighbours: int = 10, share: float = 0.15, top: int = 10
) -> Floats:
    """Return (q·x'_i + q'·x'_i) / 2 for each image of a short-list: (N,).

    x'_i is the mean of x_i and its nearest in the short-list, itself weighing 1 and the others
    `share` times their similarity; q' is the largest value of each dimension over the first x'.

    Args:
        query: (D,) float32, unit length.
        descriptors: (N, D) float32, unit rows, nearest to the query first.
        neighbours: images averaged into one, itself among them.
        share: the weight of the others.
        top: how many x' the new query is made of.
    """
    if len(descriptors) == 0:
        return np.zeros(0, np.float32)
    near = nearest_neighbours(descriptors, neighbours - 1)
    weights = share * np.maximum(near.similarities, 0)
    others = np.einsum("nk,nkd->nd", weights, descriptors[near.rows])
    refined = (descriptors + others) / (1 + weights.sum(axis=1, keepdims=True))
    scores: Floats = refined @ (query + refined[:top].max(axis=0)) / 2
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
    descriptors: Floats
    cosines: Floats


def _nearest(
    gallery: Gallery, query: Floats, matches: Matches, where: str | None, depth: int
) -> _Near:
    """Return the `depth` images nearest to the photo, of the short-list and, if need be, beyond."""
    known = {match.image_id: match for match in matches}
    if depth > len(matches):
        known = {match.image_id: match for match in gallery.nearest(query, depth, where)} | known
    rows = tuple(sorted(known.values(), key=_nearest_first)[:depth])
    descriptors = gallery.rows.descriptors([match.image_id for match in rows])
    return _Near(rows, descriptors, descriptors @ query)


def _by(rows: Sequence[Match], values: NDArray[np.floating]) -> list[Match]:
    """Return the rows by falling value; equal ones by cosine, then by image id."""
    pairs = zip(rows, values.tolist(), strict=True)
    return [row for row, _ in sorted(pairs, key=lambda pair: (-pair[1], *_nearest_first(pair[0])))]


def _reordered(order: Sequence[Match], matches: Matches) -> Matches:
    """Return the first of a new order, as many as there were, then the matches not among them.

    No match is lost: a step after this one may know better.
    """
    first = order[: len(matches)]
    placed = {match.image_id for match in first}
    rest = [match for match in matches if match.image_id not in placed]
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
