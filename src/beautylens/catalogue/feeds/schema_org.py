"""Products in the vocabulary of schema.org, as JSON-LD.

https://schema.org/Product
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from beautylens.catalogue.feeds.feed import (
    Feed,
    Sources,
    Understood,
    Variants,
    first,
    joined,
    sources_of,
)
from beautylens.catalogue.feeds.product import Item, understood
from beautylens.catalogue.image_cells import pictures_in

NAME = "schema.org products"
_GTINS = ("gtin", "gtin13", "gtin14", "gtin12", "gtin8")
_IDS = ("sku", "productID", "productGroupID", "@id", "mpn", "url", *_GTINS)
# The names that sources are told by; the values may also be in an offer.
_SOURCES = {
    "product_id": _IDS,
    "name": ("name",),
    "brand": ("brand", "manufacturer"),
    "category": ("category",),
    "gtin": _GTINS,
    "image": ("image",),
    "price": ("offers",),
    "link": ("url",),
}
_ATTRIBUTES = ("color", "size", "pattern", "material")
_MOST_DEPTH = 3

Node = Mapping[str, Any]


def understand(table: pa.Table, chosen: Sources, variants: Variants | None) -> Understood:
    """Return the products of a file; all variants of a group as one if wanted."""
    items: list[Item] = []
    for row, cells in enumerate(table.to_pylist(), 1):
        node = {name: _value(cell) for name, cell in cells.items() if cell}
        own = {
            target: joined(cells[name] for name in several) for target, several in chosen.items()
        }
        for product in _products(node, variants):
            pictures = pictures_in(own.pop("image")) if "image" in own else _pictures(product)
            attributes = {name: _text(product.get(name)) for name in _ATTRIBUTES}
            kept = {name: value for name, value in attributes.items() if value}
            items.append(Item(row, _cells(product) | own, pictures, kept))
    names = table.column_names
    present = {target: _present(names, known) for target, known in _SOURCES.items()}
    sources = sources_of((), {}, present | dict(chosen))
    used = {name for several in sources.values() for name in several}
    used |= {*_ATTRIBUTES, "@context", "@type", "@id", "hasVariant"}
    return understood(items, sources, [name for name in names if name not in used], NAME)


def _present(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return those of the names that a file has; the first if only offers or variants have them."""
    return tuple(name for name in known if name in names) or tuple(known[:1])


def _products(node: Node, variants: Variants | None, depth: int = 0) -> Iterator[Node]:
    """Yield the products of a node: itself, or its variants with what they share."""
    kinds = node.get("@type", "")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    names = {str(kind).rpartition("/")[2].rpartition(":")[2] for kind in kinds}
    if not any(name.startswith("Product") or name == "IndividualProduct" for name in names):
        return
    several = [each for each in _list(node.get("hasVariant")) if isinstance(each, Mapping)]
    if not several or depth == _MOST_DEPTH:
        yield node
    elif variants is Variants.ONE:
        yield _as_one(node, several)
    else:
        shared = {name: value for name, value in node.items() if name != "hasVariant"}
        own = ("sku", "productID", "productGroupID", "@id", "mpn", "url", *_GTINS)
        inherited = {name: value for name, value in shared.items() if name not in own}
        for each in several:
            yield from _products({**inherited, **each}, variants, depth + 1)


def _as_one(node: Node, variants: Sequence[Node]) -> Node:
    """Return a group with the pictures, item numbers and attributes of its variants."""
    pictures = [picture for each in (node, *variants) for picture in _pictures(each)]
    gtin = joined(_gtin(each) for each in (node, *variants))
    shared = {name: node.get(name) or variants[0].get(name) for name in ("offers", "brand")}
    attributes = {
        name: joined((_text(each.get(name)) for each in variants), ", ") for name in _ATTRIBUTES
    }
    return {**node, **shared, **attributes, "image": pictures, "gtin": gtin}


def _cells(node: Node) -> dict[str, str]:
    """Return the cells of a product by column of the catalogue."""
    brand, maker = node.get("brand"), node.get("manufacturer")
    return {
        "product_id": first(_text(node.get(name)) for name in _IDS).strip(),
        "name": _text(node.get("name")),
        "brand": first([_text(brand), _text(maker)]),
        "category": _text(node.get("category")),
        "gtin": _gtin(node),
        "price": _price(node),
        "link": first([_text(node.get("url")), *(_text(o.get("url")) for o in _offers(node))]),
    }


def _gtin(node: Node) -> str:
    return joined(_text(each.get(name)) for each in (node, *_offers(node)) for name in _GTINS)


def _price(node: Node) -> str:
    for offer in _offers(node):
        stated = offer.get("priceSpecification")
        for each in (offer, *(s for s in _list(stated) if isinstance(s, Mapping))):
            amount = first([_text(each.get("price")), _text(each.get("lowPrice"))])
            if amount:
                currency = each.get("priceCurrency") or offer.get("priceCurrency")
                return f"{amount} {_text(currency)}".strip()
    return ""


def _offers(node: Node) -> list[Node]:
    return [offer for offer in _list(node.get("offers")) if isinstance(offer, Mapping)]


def _pictures(node: Node) -> list[str]:
    image = node.get("image")
    return pictures_in(image if isinstance(image, str) else json.dumps(_list(image)))


def _text(value: object) -> str:
    """Return a value as text: the name of a thing, the values of a list joined by `, `."""
    if isinstance(value, Mapping):
        return _text(value.get("name") or value.get("@value") or value.get("@id"))
    if isinstance(value, list):
        return joined(map(_text, value), ", ")
    return "" if value is None else str(value)


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _value(cell: str) -> Any:
    """Return a nested value, which a table has as JSON; any other cell as it is."""
    if cell[:1] not in "[{":
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _recognises(names: frozenset[str]) -> bool:
    return "@type" in names


SCHEMA_ORG = Feed(NAME, _recognises, understand)
