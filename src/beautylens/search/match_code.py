"""The barcode on the photo: a product with its GTIN is the one."""

from __future__ import annotations

from dataclasses import replace

from beautylens.catalogue.gtin import gtins_in
from beautylens.query import Query
from beautylens.results import Match, Matches
from beautylens.store.gallery import Gallery


class MatchCode:
    """Joins the products whose GTIN is on the photo to the short-list, as evidence for them.

    Args:
        gallery: where products are looked up that retrieval did not find.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches, those with a barcode of the photo's joined and marked."""
        if not query.codes:
            return matches
        found = self._gallery.products.with_gtin(query.codes, query.descriptor, query.where)
        there = {match.image_id for match in matches}
        new = (match for match in found if match.image_id not in there)
        rows = (_marked(match, query.codes) for match in (*matches, *new))
        return replace(matches.with_rows(rows), codes=query.codes)


def _marked(match: Match, barcodes: tuple[str, ...]) -> Match:
    own = next((gtin for gtin in gtins_in(match.product.gtin) if gtin in barcodes), None)
    if own is None:
        return match
    return replace(match, reasons=replace(match.reasons, barcode=own))
