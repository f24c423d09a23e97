"""How many products of a catalogue share their design with another, measured on its own pictures.

Keypoints that agree prove the product where every design is that of one product, such as covers of
films. Where each product has sisters, they prove the line: the product itself may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np

from beautylens.query import Photo, Query
from beautylens.results import Match, Matches
from beautylens.search.judge.duplicates import is_duplicate
from beautylens.search.judge.evidence import SHARED, TYPICAL_SHARING
from beautylens.search.pipeline import Pipeline
from beautylens.store.gallery import Gallery
from beautylens.store.lance import except_products

# Name of the artefact.
SHARING = "sharing"
# Products below which it is not measured, and most that it is measured on.
_FEWEST, _MOST = 30, 150
# Change of the number of products from which on it is measured again.
_CHANGED = 0.2
# Products that the typical share counts for beside those measured.
_PRIOR = 3


@dataclass(frozen=True, slots=True)
class Sharing:
    """The share of products that share their design, above 0, and of how many products in all."""

    share: float
    products: int

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode()


def stored_sharing(gallery: Gallery) -> Sharing | None:
    """Return what was measured for a gallery; None if it was not."""
    data = gallery.artefacts.get(SHARING)
    return None if data is None else Sharing(**json.loads(data))


def stored_share(gallery: Gallery) -> float | None:
    """Return the share of a gallery's products that share their design; None if not measured."""
    sharing = stored_sharing(gallery)
    return None if sharing is None else sharing.share


def update_sharing(gallery: Gallery, make_pipeline: Callable[[], Pipeline]) -> None:
    """Measure and store the share of a gallery's products that share their design.

    Searches with the stored keypoints of up to 150 products, each without itself. Nothing is done
    for fewer than 30 products, or unless their number has changed by a fifth since.

    Args:
        gallery: the catalogue.
        make_pipeline: returns its steps, which retrieve and verify; called if it is measured.
    """
    known, count = stored_sharing(gallery), gallery.products.count()
    if count < _FEWEST or (known and abs(count - known.products) <= _CHANGED * known.products):
        return
    pipeline = make_pipeline()
    product_ids = sorted(set(gallery.rows.ids("product_id").to_pylist()))
    chosen = np.random.default_rng(0).permutation(len(product_ids))[:_MOST]
    shared = [
        _has_sister(query, picture, pipeline)
        for picture, query in _queries(gallery, [product_ids[row] for row in chosen])
    ]
    share = (sum(shared) + _PRIOR * TYPICAL_SHARING) / (len(shared) + _PRIOR)
    gallery.artefacts.put(SHARING, Sharing(share, len(product_ids)).to_bytes())


def _queries(gallery: Gallery, product_ids: list[str]) -> Iterator[tuple[Match, Query]]:
    """Yield a picture of each product, and the query of its stored vectors without the product."""
    columns = tuple(gallery.rows.vector_lengths)
    for product_id in product_ids:
        picture = gallery.products.images(product_id)[0]
        _, vectors = gallery.rows.vectors([picture.image_id], columns)
        stored = {name: rows[0] for name, rows in zip(columns, vectors, strict=True)}
        keypoints = gallery.rows.keypoints([picture.image_id])[picture.image_id]
        vlad = stored["vlad"] if "vlad" in stored and stored["vlad"].any() else None
        photo = Photo(np.zeros((1, 1, 3), np.uint8), where=except_products([product_id]))
        yield picture, Query(photo, stored["descriptor"], keypoints, vlad)


def _has_sister(query: Query, picture: Match, pipeline: Pipeline) -> bool:
    """Return whether a different product has the design of a picture."""
    found = pipeline.verify(query, pipeline.retrieve(query, Matches(query=query)))
    return any(
        (match.reasons.inliers or 0) > SHARED and not is_duplicate(match, picture)
        for match in found
    )
