"""`beautylens remove`: take products out of a collection."""

from __future__ import annotations

from typing import Annotated

import typer

from beautylens.cli.arguments import Address
from beautylens.cli.console import console
from beautylens.collection import open_collection
from beautylens.errors import CollectionError


def remove(
    address: Address,
    product_ids: Annotated[list[str], typer.Argument(help="Ids of the products to remove.")],
) -> None:
    """Remove products by id; the next search no longer returns them."""
    opened = open_collection(address)
    unknown = [i for i in product_ids if i not in opened.gallery.known_products(product_ids)]
    gone = opened.remove(product_ids)
    console.print(f"{len(product_ids) - len(unknown)} products removed, {gone} pictures.")
    if unknown:
        raise CollectionError(
            f"{address} has no product {', '.join(repr(i) for i in unknown[:5])}; "
            "the others were removed"
        )
