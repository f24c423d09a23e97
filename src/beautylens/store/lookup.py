"""Looking images up in a gallery: by their vectors, by product, by barcode."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beautylens.catalogue.gtin import gtins_in, spellings
from beautylens.results import Match, Matches
from beautylens.several import several
from beautylens.store.lance import filter_errors, of_products, plain_errors, sql_list
from beautylens.store.reader import GalleryReader
from beautylens.store.rows import Vectors, stacked, to_match
from beautylens.store.schema import PLAIN

# Parts of a vector index that a search looks at.
PROBES = 20
_UNSPACED = "replace(replace(gtin, ' ', ''), '-', '')"


class GalleryLookup(GalleryReader):
    """The images of one collection as a search finds them."""

    def nearest(
        self,
        descriptor: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        among: Sequence[str] | None = None,
        column: Vectors = "descriptor",
    ) -> Matches:
        """Return the images nearest to a vector by cosine, best first.

        Images whose vector is all zeros have no cosine with anything, and are left out.

        Args:
            descriptor: (D,) float32, unit length.
            depth: how many images.
            where: an SQL condition on the catalogue's columns, such as "brand = 'Dior'".
            among: ids of the only images to look at, all of them.
            column: the vectors to compare with.

        Raises:
            QueryError: when the condition cannot be understood.
        """
        # Read once: each look at the schema asks the disk for a newer version.
        extra = self.extra
        columns = [*PLAIN, *extra, "path"]
        if among is not None:
            named = f"image_id IN ({sql_list(among)})"
            where = named if where is None else f"({where}) AND {named}"
        query = self._query(descriptor, depth, where, column).select([*columns, "_distance"])
        if among is not None:
            # The vector index looks at part of the images only, and those may lie elsewhere.
            query = query.bypass_vector_index()
        elif column in self._indexed:
            # The index holds 8-bit copies: a wide short-list is scored again on the originals.
            query = query.refine_factor(2)
        with plain_errors(self.address, "searched"), filter_errors(where, columns[:-1]):
            rows = self._places.remember(query.to_arrow()).to_pylist()
        # Equal scores are settled by id, so that the order of the catalogue changes nothing.
        rows.sort(key=lambda row: (row["_distance"], row["image_id"]))
        return Matches(tuple(to_match(row, extra, 1.0 - row["_distance"], column) for row in rows))

    def near(
        self,
        vector: NDArray[np.float32],
        depth: int,
        where: str | None = None,
        column: Vectors = "descriptor",
    ) -> dict[int, float]:
        """Return the cosines by place of images among which the `depth` nearest are.

        For callers that go on to score them by their stored vectors, with `at`: it reads nothing
        of the rows, and takes a third of the time of `nearest`. Where vectors are indexed, the
        cosines are those of 8-bit copies.

        Args:
            vector: (D,) float32, unit length.
            depth: how many images; an index gives half as many again.
            where: as in `nearest`.
            column: the vectors to compare with.

        Raises:
            QueryError: when the condition cannot be understood.
        """
        depth = depth * 3 // 2 if column in self._indexed else depth
        query = self._query(vector, depth, where, column).select(["_distance"])
        columns = [*PLAIN, *self.extra] if where else []
        with plain_errors(self.address, "searched"), filter_errors(where, columns):
            found = query.to_arrow()
        cosines = 1.0 - found["_distance"].to_numpy()
        return dict(zip(found["_rowid"].to_pylist(), cosines.tolist(), strict=True))

    def at(
        self, places: Iterable[int], columns: Sequence[Vectors]
    ) -> tuple[list[Match], list[NDArray[np.float32]]]:
        """Return the images at some places by id, not scored yet, and their vectors, (N, D) each.

        Args:
            places: what `near` returned; images that are gone are left out.
            columns: the vectors wanted, the deep descriptor among them or not.
        """
        extra = self.extra
        with plain_errors(self.address, "read"):
            columns = several(columns)
            names = [*PLAIN[1:], *extra, "path", *columns]
            rows = self._places.at(dict.fromkeys(places), names).sort_by("image_id")
        found = [stacked(rows[column]) for column in columns]
        plain = rows.drop_columns(list(columns)).to_pylist()
        return [to_match(row, extra, 0.0) for row in plain], found

    def _query(
        self, vector: NDArray[np.float32], depth: int, where: str | None, column: Vectors
    ) -> Any:
        query = (
            self._images.search(vector, vector_column_name=column)
            .distance_type("cosine")
            .nprobes(PROBES)
            .limit(depth)
            .with_row_id(True)
        )
        return query if where is None else query.where(where, prefilter=True)

    def of_product(self, product_id: str) -> Matches:
        """Return all images of a product in the order of their ids, not scored; none if unknown."""
        extra = self.extra
        condition = of_products([product_id])
        rows = self._columns([*PLAIN, *extra, "path"], condition).sort_by("image_id")
        return Matches(tuple(to_match(row, extra, 0.0) for row in rows.to_pylist()))

    def images(self, image_ids: Sequence[str]) -> dict[str, Match]:
        """Return the images that are there by their ids, not scored."""
        extra = self.extra
        rows = self._rows(image_ids, [*PLAIN[1:], *extra, "path"]).to_pylist()
        return {row["image_id"]: to_match(row, extra, 0.0) for row in rows}

    def matches_of(
        self, product_ids: Iterable[str], descriptor: NDArray[np.float32], where: str | None = None
    ) -> Matches:
        """Return all images of these products by cosine with a descriptor, best first.

        Args:
            product_ids: ids that the gallery does not hold are left out.
            descriptor: (D,) float32, unit length.
            where: a condition that an image must meet as well, as in `nearest`.
        """
        return self._cosines(of_products(product_ids), descriptor, where)

    def with_gtin(
        self, gtins: Iterable[str], descriptor: NDArray[np.float32], where: str | None = None
    ) -> Matches:
        """Return all images of the products with these GTINs by cosine with a descriptor.

        Args:
            gtins: fourteen digits each; the catalogue may write them in any way.
            descriptor: (D,) float32, unit length.
            where: a condition that an image must meet as well, as in `nearest`.
        """
        wanted = set(several(gtins))
        written = sql_list(spelling for gtin in wanted for spelling in spellings(gtin))
        listed = " OR ".join(f"gtin LIKE '%{gtin.lstrip('0')}%'" for gtin in sorted(wanted))
        # The index answers for the usual spellings; only when it has none are all rows read.
        conditions = (f"gtin IN ({written})", f"({_UNSPACED} IN ({written}) OR {listed})")
        found = (self._cosines(condition, descriptor, where) for condition in conditions)
        matches = next((matches for matches in found if len(matches)), Matches())
        return Matches(tuple(m for m in matches if wanted.intersection(gtins_in(m.product.gtin))))

    def _cosines(
        self, condition: str, descriptor: NDArray[np.float32], where: str | None
    ) -> Matches:
        extra = self.extra
        rows = self._columns(
            [*PLAIN, *extra, "path", "descriptor"],
            condition if where is None else f"{condition} AND ({where})",
        ).sort_by("image_id")
        cosines = stacked(rows["descriptor"]) @ descriptor
        return Matches.ranked(
            to_match(row, extra, float(cosine))
            for row, cosine in zip(
                rows.drop_columns("descriptor").to_pylist(), cosines, strict=True
            )
        )
