"""The barcode on the photo: a product that carries its number is the one."""

from __future__ import annotations

from dataclasses import replace

from beautylens.catalogue.gtin import gtins_in
from beautylens.results import Match, Matches
from beautylens.search.query import Photo
from beautylens.store.gallery import Gallery
from beautylens.text.codes import read_barcodes


class Scan:
    """Joins the products whose GTIN is on the photo to the short-list, and says so.

    Args:
        gallery: where products are looked up that the photo did not find.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def __call__(self, photo: Photo, matches: Matches) -> Matches:
        """Return the matches, those with a barcode of the photo's joined and marked.

        Raises:
            ValueError: when the photo has not been encoded.
        """
        with photo.timed("scan"):
            photo.barcodes = read_barcodes(photo.pixels)
            if not photo.barcodes:
                return matches
            if photo.descriptor is None:
                raise ValueError("a photo is scanned once it has been encoded")
            found = self._gallery.with_gtin(photo.barcodes, photo.descriptor, photo.where)
            there = {match.image_id for match in matches}
            new = (match for match in found if match.image_id not in there)
            return Matches.ranked(_marked(match, photo.barcodes) for match in (*matches, *new))


def barcode_first(matches: Matches) -> Matches:
    """Return the matches with those first whose product's barcode is on the photo."""
    if not any(match.reasons.barcode for match in matches):
        return matches
    lead = matches[0].score - matches[-1].score + 1
    return matches.rescored(lambda match: match.score + (lead if match.reasons.barcode else 0))


def _marked(match: Match, barcodes: tuple[str, ...]) -> Match:
    own = next((gtin for gtin in gtins_in(match.product.gtin) if gtin in barcodes), None)
    if own is None:
        return match
    return replace(match, reasons=replace(match.reasons, barcode=own))
