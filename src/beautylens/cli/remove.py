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
    wanted = list(dict.fromkeys(product_ids))
    known = opened.known(wanted)
    gone = opened.remove(wanted)
    console.print(f"{len(known)} products removed, {gone} pictures.")
    unknown = [product for product in wanted if product not in known]
    if unknown:
        named = ", ".join(repr(product) for product in unknown[:5])
        others = "; the others were removed" if known else ""
        raise CollectionError(f"{address} has no product {named}{others}")
