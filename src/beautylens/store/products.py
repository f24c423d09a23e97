"""Look-up of a gallery's products by id and GTIN."""

from __future__ import annotations

from collections.abc import Iterable

from beautylens.arrays import Float32
from beautylens.catalogue.gtin import gtins_in, spellings
from beautylens.inputs.several import several, several_ids
from beautylens.inputs.unicode_text import composed
from beautylens.results import Matches
from beautylens.store.lance import filter_errors, of_products, sql_list
from beautylens.store.rows import Rows

_UNSPACED = "replace(replace(gtin, ' ', ''), '-', '')"


class Products:
    """The products of a gallery, each with the images of its rows.

    Args:
        rows: of the gallery.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        # The version that was counted, and its number of products.
        self._counted = (-1, 0)

    def count(self) -> int:
        """Return the number of products; all ids are read once for each version of the rows."""
        # Read first: rows that are written meanwhile are counted again.
        version = self._rows.version
        if self._counted[0] != version:
            self._counted = version, len(self._rows.ids("product_id").unique())
        return self._counted[1]

    def known(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids that the gallery has."""
        wanted = several_ids(product_ids)
        held = self.pictures(wanted)
        return {product for product in wanted if product in held or composed(product) in held}

    def pictures(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Return the path of the first picture of each product, without unknown products."""
        condition = of_products(product_ids)
        rows = self._rows.select(["product_id", "image_id", "path"], condition).sort_by("image_id")
        found: dict[str, str] = {}
        for product, path in zip(
            rows["product_id"].to_pylist(), rows["path"].to_pylist(), strict=True
        ):
            found.setdefault(product, path)
        return found

    def first_pictures(self, product_ids: Iterable[str], where: str | None = None) -> Matches:
        """Return the first image of each product, ordered by product id, not scored.

        Args:
            product_ids: unknown ids are ignored.
            where: a further SQL condition on the images.

        Raises:
            QueryError: when the condition cannot be understood.
        """
        condition = of_products(product_ids)
        if where is not None:
            condition = f"{condition} AND ({where})"
        with filter_errors(where, self._rows.text_columns):
            found = self._rows.matching(condition).products()
        return found.with_rows(sorted(found, key=lambda match: match.product.product_id))

    def images(self, product_id: str) -> Matches:
        """Return all images of a product ordered by id, not scored; none if it is unknown."""
        return self._rows.matching(of_products([product_id]))

    def scored(
        self, product_ids: Iterable[str], descriptor: Float32, where: str | None = None
    ) -> Matches:
        """Return all images of products by cosine with a descriptor, best first.

        Args:
            product_ids: unknown ids are ignored.
            descriptor: (D,) float32, unit length.
            where: a further SQL condition on the images.
        """
        return self._rows.scored(of_products(product_ids), descriptor, where)

    def with_gtin(
        self, gtins: Iterable[str], descriptor: Float32, where: str | None = None
    ) -> Matches:
        """Return all images of the products with any of these GTINs, by cosine with a descriptor.

        Args:
            gtins: of fourteen digits; the catalogue may have any spelling.
            descriptor: (D,) float32, unit length.
            where: a further SQL condition on the images.
        """
        wanted = set(several(gtins))
        written = sql_list(spelling for gtin in wanted for spelling in spellings(gtin))
        listed = " OR ".join(f"gtin LIKE '%{gtin.lstrip('0')}%'" for gtin in sorted(wanted))
        # Usual spellings are looked up in the index; only without a result are all rows scanned.
        conditions = (f"gtin IN ({written})", f"({_UNSPACED} IN ({written}) OR {listed})")
        found = (self._rows.scored(condition, descriptor, where) for condition in conditions)
        matches = next((matches for matches in found if len(matches)), Matches())
        return Matches(tuple(m for m in matches if wanted.intersection(gtins_in(m.product.gtin))))
