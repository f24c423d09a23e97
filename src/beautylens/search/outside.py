"""Products from outside the short-list, scored as those of it are."""

from __future__ import annotations

from collections.abc import Iterable

from beautylens.query import Query
from beautylens.results import Matches
from beautylens.search.distances import Similarity
from beautylens.search.hybrid import with_both_cosines
from beautylens.search.retrieve import rescored
from beautylens.search.verify import Verify
from beautylens.store.gallery import Gallery


class ScoreOutside:
    """Returns the images of given products with the evidence that a short-list has.

    Args:
        gallery: holds the products.
        similarity: scores descriptors; left out, the cosine is the score.
        verify: the step that verified the short-list, if any.
    """

    def __init__(
        self,
        gallery: Gallery,
        *,
        similarity: Similarity | None = None,
        verify: Verify | None = None,
    ) -> None:
        self._gallery, self._similarity, self._verify = gallery, similarity, verify

    def __call__(
        self, query: Query, products: Iterable[str], pictures: int | None = None
    ) -> Matches:
        """Return the images of the products that exist and pass the query's filter, best first.

        Args:
            query: the photo.
            products: ids.
            pictures: of each product, the nearest; all by default.
        """
        found = self._gallery.products.scored(products, query.descriptor, query.where)
        if pictures is not None:
            found = _nearest(found, pictures)
        if query.vlad is not None:
            found = with_both_cosines(self._gallery, query, found)
        if self._similarity is not None:
            found = rescored(self._gallery, query.descriptor, found, self._similarity)
        return found if self._verify is None else self._verify(query, found)


def _nearest(matches: Matches, pictures: int) -> Matches:
    """Return the first images of each product."""
    counts: dict[str, int] = {}
    kept = []
    for match in matches:
        product = match.product.product_id
        counts[product] = counts.get(product, 0) + 1
        if counts[product] <= pictures:
            kept.append(match)
    return matches.with_rows(kept)
