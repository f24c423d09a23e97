"""Barcodes on the photo, looked up as GTINs of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from beautylens.catalogue.gtin import gtins_in
from beautylens.query import Query
from beautylens.reasons import Difference
from beautylens.results import Match, Matches
from beautylens.store.gallery import Gallery
from beautylens.text.gs1 import Code


class MatchCode:
    """Adds the products whose GTIN is on the photo to the short-list, with the code as evidence.

    The code contradicts products of the short-list with another GTIN.

    Args:
        gallery: holds products that retrieval did not find.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches and the added ones, each with its barcode if it is on the photo."""
        if not query.codes:
            return matches
        found = self._gallery.products.with_gtin(query.codes, query.descriptor, query.where)
        known = {match.image_id for match in matches}
        new = (match for match in found if match.image_id not in known)
        codes = {code.gtin: code for code in query.code_details}
        rows = (_with_code(match, codes) for match in (*matches, *new))
        return replace(matches.with_rows(rows), codes=query.codes)


def _with_code(match: Match, codes: Mapping[str, Code]) -> Match:
    """Return a match with its own code on the photo, or with another code as evidence against."""
    gtins = gtins_in(match.product.gtin)
    if not gtins:
        return match
    own = next((codes[gtin] for gtin in gtins if gtin in codes), None)
    if own is not None:
        batch, expiry = own.batch or None, own.expiry or None
        reasons = replace(match.reasons, barcode=own.gtin, batch=batch, expiry=expiry)
        return replace(match, reasons=reasons)
    other = Difference("code", next(iter(codes)), gtins[0], None, 1.0)
    return replace(match, reasons=replace(match.reasons, contradiction=1.0, against=(other,)))
