"""The product CSV of Shopify: a row for each variant and further picture of a product.

https://help.shopify.com/en/manual/products/import-export/using-csv
"""

from __future__ import annotations

import re
from collections import Counter
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

NAME = "Shopify product CSV"
# In the column names of before 2025, and of since then.
_PRODUCT: dict[str, tuple[str, ...]] = {
    "handle": ("handle", "url_handle"),
    "name": ("title",),
    "brand": ("vendor",),
    "category": ("type", "product_category"),
    "tags": ("tags",),
    "status": ("status",),
}
_VARIANT: dict[str, tuple[str, ...]] = {
    "sku": ("variant_sku", "sku"),
    "gtin": ("variant_barcode", "barcode"),
    "price": ("variant_price", "price"),
    "compare_at_price": ("variant_compare_at_price", "compare_at_price"),
}
_PICTURE = ("image_src", "product_image_url")
_VARIANT_PICTURE = ("variant_image", "variant_image_url")
_OPTION = re.compile(r"option(\d)_(name|value)")
# The option of a product that has no variants.
_NO_OPTION = "Default Title"


def understand(table: pa.Table, chosen: Sources, variants: Variants | None) -> Understood:
    """Return the products of an export, each variant as one if wanted."""
    names = table.column_names
    sources = sources_of(names, _PRODUCT | _VARIANT, chosen)
    pictures = [name for name in names if plain(name) in _PICTURE]
    own_pictures = [name for name in names if plain(name) in _VARIANT_PICTURE]
    if "image" in chosen:
        pictures, own_pictures = list(chosen["image"]), []
    options = {found.groups(): name for name in names if (found := _OPTION.fullmatch(plain(name)))}
    used = [*(name for several in sources.values() for name in several)]
    used += [*pictures, *own_pictures, *options.values()]
    products: dict[str, list[Line]] = {}
    for line in lines_of(table, used):
        products.setdefault(line.cell(sources, "handle").strip(), []).append(line)
    export = _Export(sources, pictures, own_pictures, options)
    if variants is Variants.PRODUCTS:
        items = export.each_variant(products)
        ids = (*sources.get("sku", ()), *sources["handle"])
    else:
        items = [export.product(handle, lines) for handle, lines in products.items()]
        ids = sources["handle"]
    ids = chosen.get("product_id", ids)
    taken = {"product_id": ids} | sources | {"image": (*pictures, *own_pictures)}
    if taken["product_id"] == taken["handle"]:
        del taken["handle"]
    return understood(items, taken, [name for name in names if name not in used], NAME)


class _Export:
    """The columns of one export."""

    def __init__(
        self,
        sources: Sources,
        pictures: Sequence[str],
        own_pictures: Sequence[str],
        options: dict[tuple[str, ...], str],
    ) -> None:
        self._sources = sources
        self._pictures, self._own_pictures = pictures, own_pictures
        self._options = options

    def product(self, handle: str, lines: Sequence[Line]) -> Item:
        """Return all rows of a product as one."""
        columns = (*self._pictures, *self._own_pictures)
        pictures = [picture for line in lines for picture in line.pictures(columns)]
        cells = {target: first(self._cells(lines, target)) for target in self._sources}
        for several in ("sku", "gtin"):
            cells[several] = joined(self._cells(lines, several))
        cells = {"product_id": handle, **cells, "handle": handle}
        attributes = merged(self._attributes(lines))
        return Item(lines[0].row, cells, pictures, attributes)

    def each_variant(self, products: dict[str, list[Line]]) -> list[Item]:
        """Return each variant as a product, with its own picture or else all of the product's."""
        found = []
        for handle, lines in products.items():
            whole = self.product(handle, lines)
            attributes = self._attributes(lines)
            numbers = [n for n, line in enumerate(lines) if self._is_variant(line)] or [0]
            found += [self._variant(whole, lines[n], attributes[n]) for n in numbers]
        skus = Counter(item.cells.get("sku", "") for item in found)
        return [_identified(item, skus) for item in found]

    def _variant(self, whole: Item, line: Line, attributes: dict[str, str]) -> Item:
        own = {target: line.cell(self._sources, target) for target in _VARIANT}
        name = " ".join([whole.cells.get("name", ""), *attributes.values()]).strip()
        cells = {**whole.cells, **own, "name": name}
        cells |= {"product_id": line.cell(self._sources, "product_id")}
        pictures = line.pictures(self._own_pictures) or whole.pictures
        return Item(line.row, cells, pictures, attributes)

    def _cells(self, lines: Sequence[Line], target: str) -> list[str]:
        return [line.cell(self._sources, target) for line in lines]

    def _is_variant(self, line: Line) -> bool:
        values = (line.cells[name] for key, name in self._options.items() if key[1] == "value")
        return bool(first([*values, *(line.cell(self._sources, target) for target in _VARIANT)]))

    def _attributes(self, lines: Sequence[Line]) -> list[dict[str, str]]:
        """Return the options of each row; their names are in the first row alone."""
        names = {
            number: first(line.cells[column] for line in lines)
            for (number, kind), column in self._options.items()
            if kind == "name"
        }
        return [
            {
                names.get(number) or f"option{number}": value
                for (number, kind), column in self._options.items()
                if kind == "value" and (value := line.cells[column].strip()) not in ("", _NO_OPTION)
            }
            for line in lines
        ]


def _identified(item: Item, skus: Counter[str]) -> Item:
    """Return a variant with an id: its SKU if no other has it, else handle and options."""
    sku = item.cells.get("sku", "").strip()
    handle = "/".join([item.cells["handle"], *item.attributes.values()])
    own = item.cells["product_id"] or (sku if sku and skus[sku] == 1 else handle)
    return Item(item.row, {**item.cells, "product_id": own}, item.pictures, item.attributes)


def _recognises(names: frozenset[str]) -> bool:
    return "title" in names and (
        {"handle", "image_src"} <= names or {"url_handle", "product_image_url"} <= names
    )


SHOPIFY = Feed(NAME, _recognises, understand)
