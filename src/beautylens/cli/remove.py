"""`beautylens remove`: remove products from a collection."""

from __future__ import annotations

from typing import Annotated

import typer

import beautylens as bl
from beautylens.cli.arguments import Address
from beautylens.cli.console import console
from beautylens.errors import CollectionError
from beautylens.inputs.counts import counted


def remove(
    address: Address,
    product_ids: Annotated[
        list[str], typer.Argument(metavar="ID", help="Ids of the products to remove.")
    ],
) -> None:
    """Remove products by id; later searches no longer return them."""
    collection = bl.open(address)
    wanted = list(dict.fromkeys(product_ids))
    known = collection.known(wanted)
    removed = counted(collection.remove(wanted), "picture")
    console.print(f"Removed {counted(len(known), 'product')} ({removed}).")
    unknown = [product for product in wanted if product not in known]
    if unknown:
        named = ", ".join(f"'{product}'" for product in unknown[:5])
        others = "; the others were removed" if known else ""
        raise CollectionError(f"{address} has no product {named}{others}")
