"""Look-up of a gallery's products by id and GTIN."""

from __future__ import annotations

from collections.abc import Iterable

from beautylens.arrays import Float32
from beautylens.catalogue.gtin import gtins_in
from beautylens.inputs.several import several, several_ids
from beautylens.inputs.unicode_text import composed
from beautylens.results import Matches
from beautylens.store.lance import filter_errors, of_products
from beautylens.store.rows import Rows


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
            self._counted = version, self._rows.product_count()
        return self._counted[1]

    def known(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids that the gallery has."""
        wanted = several_ids(product_ids)
        held = self.pictures(wanted)
        return {product for product in wanted if product in held or composed(product) in held}

    def pictures(self, product_ids: Iterable[str]) -> dict[str, str]:
        """Return the path of the first picture of each product, without unknown products."""
        found: dict[str, str] = {}
        for match in self._rows.matching(of_products(product_ids)):
            found.setdefault(match.product.product_id, match.image)
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
        matches = self._rows.with_gtin(wanted, descriptor, where)
        return Matches(tuple(m for m in matches if wanted.intersection(gtins_in(m.product.gtin))))
