"""What makes a gallery equal to a table, before and after it was done."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

Cells = Mapping[str, str]
# Groups of products whose pictures are described.
DESCRIBED = ("added", "pictured", "retried")


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes a gallery equal to a table, in product ids, each in one of the first seven groups.

    Args:
        added: new products.
        pictured: products with other pictures.
        updated: products of which only columns differ.
        removed: products that the table does not have.
        retried: products with pictures that could not be read before.
        unchanged: all others.
        failed: products that stayed as they were, because no new picture of them can be read; known
            when the plan was carried out.
        cells: of the images of updated products, by image id: `digest` and the new cells.
        new_images: of products with new pictures, by product id: ids of the images without which
            the product stays as it is.
    """

    added: tuple[str, ...] = ()
    pictured: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    cells: Mapping[str, Cells] | None = None
    new_images: Mapping[str, frozenset[str]] | None = None

    @property
    def stored(self) -> int:
        """The number of products that the gallery has."""
        kept = (self.pictured, self.updated, self.removed, self.retried, self.unchanged)
        return sum(map(len, kept))

    @property
    def is_empty(self) -> bool:
        """Whether the gallery equals the table already."""
        return not (self.added or self.pictured or self.updated or self.removed or self.retried)

    def __str__(self) -> str:
        groups = {
            "added": self.added,
            "with other pictures": self.pictured,
            "with other columns": self.updated,
            "removed": self.removed,
            "tried again": self.retried,
            "unchanged": self.unchanged,
            "left as before because no new picture can be read": self.failed,
        }
        told = [f"{len(ids):,} {name}" for name, ids in groups.items() if ids]
        return ", ".join(told) or "nothing to do"

    def carried_out(self, unreadable: Collection[str]) -> Plan:
        """Return the plan with the products that stayed as they were in `failed`.

        Args:
            unreadable: ids of images that could not be read.
        """
        missing = frozenset(unreadable)
        new = self.new_images or {}
        failed = {product: None for product, images in new.items() if images <= missing}
        return replace(
            self,
            added=_without(self.added, failed),
            pictured=_without(self.pictured, failed),
            retried=_without(self.retried, failed),
            failed=tuple(failed),
        )


def _without(products: tuple[str, ...], gone: Collection[str]) -> tuple[str, ...]:
    return tuple(product for product in products if product not in gone)
