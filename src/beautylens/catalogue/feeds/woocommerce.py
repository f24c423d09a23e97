"""The product CSV of WooCommerce, with column names in English, German or French.

https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from beautylens.catalogue.feeds.feed import (
    Feed,
    Sources,
    Understood,
    Variants,
    first,
    joined,
    plain,
    sources_of,
)
from beautylens.catalogue.feeds.product import Item, Line, lines_of, merged, understood

NAME = "WooCommerce product CSV"
_KNOWN = {
    "sku": ("sku", "artikelnummer", "ugs"),
    "woocommerce_id": ("id",),
    "type": ("type", "typ"),
    "parent": ("parent", "ubergeordnetes_produkt"),
    "name": ("name", "nom"),
    "brand": ("brands", "brand", "marken", "marke", "marques", "marque"),
    "category": ("categories", "kategorien"),
    "price": ("regular_price", "regularer_preis", "tarif_regulier"),
    "sale_price": ("sale_price", "angebotspreis", "tarif_promo"),
    "tags": ("tags", "schlagworter", "etiquettes"),
    "published": ("published", "veroffentlicht", "publie"),
}
_PICTURES = ("images", "bilder")
# "GTIN, UPC, EAN, or ISBN", and the fields of plug-ins.
_GTIN = re.compile(r"gtin_upc_ean_\w+|(?:meta_)?_?(?:\w+_)?(?:gtin|ean|barcode)(?:_code|_\d+)?")
_ATTRIBUTE = re.compile(
    r"attribute?_(?P<n>\d+)_(?:(?P<name>name)|value_s|wert_e)"
    r"|(?:(?P<nom>nom)|valeur_s)_de_l_attribut_(?P<numero>\d+)"
)
_BRAND = ("brand", "marke", "marque", "hersteller")
_PARENT_ID = re.compile(r"id:\s*(\d+)")


def understand(table: pa.Table, chosen: Sources, variants: Variants | None) -> Understood:
    """Return the products of an export, each variation as one if wanted."""
    names = table.column_names
    gtins = tuple(name for name in names if _GTIN.fullmatch(plain(name)))
    sources = sources_of(names, _KNOWN, ({"gtin": gtins} if gtins else {}) | dict(chosen))
    images = tuple(name for name in names if plain(name) in _PICTURES)
    sources["image"] = chosen.get("image", images)
    attributes = {
        (found["n"] or found["numero"], bool(found["name"] or found["nom"])): name
        for name in names
        if (found := _ATTRIBUTE.fullmatch(plain(name)))
    }
    used = {name for several in sources.values() for name in several} | set(attributes.values())
    export = _Export(sources, attributes)
    families = _families(lines_of(table, [name for name in names if name in used]), sources)
    items = []
    for lines in families:
        if variants is Variants.PRODUCTS and len(lines) > 1:
            items += [export.variation(lines[0], line) for line in lines[1:]]
        else:
            items.append(export.product(lines))
    ids = chosen.get("product_id", (*sources.get("sku", ()), *sources.get("woocommerce_id", ())))
    hidden = {"type", "parent", "woocommerce_id"}
    taken = {"product_id": ids} | {t: s for t, s in sources.items() if t not in hidden}
    if attributes:
        taken.setdefault("brand", ())
    return understood(items, taken, [name for name in names if name not in used], NAME)


def _families(lines: Sequence[Line], sources: Sources) -> list[list[Line]]:
    """Return each product with its variations, which may be above or below it."""
    parents: dict[str, list[Line]] = {}
    families, variations = [], []
    for line in lines:
        if line.cell(sources, "type").strip().lower() == "variation":
            variations.append(line)
            continue
        families.append([line])
        for key in ("sku", "woocommerce_id"):
            if own := line.cell(sources, key).strip():
                parents.setdefault(own, families[-1])
    for line in variations:
        named = line.cell(sources, "parent").strip()
        by_id = _PARENT_ID.fullmatch(named)
        family = parents.get(by_id[1] if by_id else named)
        if family is None:
            families.append([line])
        else:
            family.append(line)
    return families


class _Export:
    """The columns of one export."""

    def __init__(self, sources: Sources, attributes: dict[tuple[str, bool], str]) -> None:
        self._sources, self._columns = sources, attributes

    def product(self, lines: Sequence[Line]) -> Item:
        """Return a product and its variations as one."""
        head = lines[0]
        cells = {target: first(self._cells(lines, target)) for target in self._sources}
        cells["gtin"] = joined(self._gtin(line) for line in lines)
        cells["product_id"] = self._id(head)
        # A product lists the values that its variations have, too.
        values = merged(map(self._attributes, lines))
        attributes = {name: joined(value.split(", "), ", ") for name, value in values.items()}
        cells["brand"] = cells.get("brand") or _brand(attributes)
        pictures = [p for line in lines for p in line.pictures(self._sources["image"])]
        return Item(head.row, cells, pictures, attributes)

    def variation(self, parent: Line, line: Line) -> Item:
        """Return a variation as a product, with what it lacks from its parent."""
        cells = {target: first(self._cells([line, parent], target)) for target in self._sources}
        cells["gtin"] = self._gtin(line)
        cells["product_id"] = self._id(line)
        attributes = self._attributes(parent) | self._attributes(line)
        cells["brand"] = cells.get("brand") or _brand(attributes)
        if not line.cell(self._sources, "name").strip():
            cells["name"] = " ".join([cells.get("name", ""), *self._attributes(line).values()])
        image = self._sources["image"]
        return Item(line.row, cells, line.pictures(image) or parent.pictures(image), attributes)

    def _id(self, line: Line) -> str:
        own = ("product_id", "sku", "woocommerce_id")
        return first(line.cell(self._sources, target) for target in own).strip()

    def _gtin(self, line: Line) -> str:
        return joined(line.cells[name] for name in self._sources.get("gtin", ()))

    def _cells(self, lines: Sequence[Line], target: str) -> list[str]:
        return [line.cell(self._sources, target) for line in lines]

    def _attributes(self, line: Line) -> dict[str, str]:
        found = {}
        for (number, is_name), column in self._columns.items():
            value = self._columns.get((number, False))
            if is_name and value and (name := line.cells[column].strip()) and line.cells[value]:
                found[name] = line.cells[value].strip()
        return found


def _brand(attributes: dict[str, str]) -> str:
    return first(value for name, value in attributes.items() if plain(name) in _BRAND)


# Columns of every export, by language.
_MARKS = (
    {"type", "sku", "name", "images"},
    {"typ", "artikelnummer", "name", "bilder"},
    {"type", "ugs", "nom", "images"},
)


def _recognises(names: frozenset[str]) -> bool:
    return any(marks <= names for marks in _MARKS)


WOOCOMMERCE = Feed(NAME, _recognises, understand)
