"""Product data for Google Merchant Center, as tab-separated text or as XML.

https://support.google.com/merchants/answer/7052112
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from beautylens.catalogue.feeds.feed import (
    Feed,
    Sources,
    Understood,
    Variants,
    first,
    plain,
    renamed,
    sources_of,
)

NAME = "Google Merchant feed"
_KNOWN = {
    "product_id": ("id",),
    "name": ("title",),
    "brand": ("brand",),
    "category": ("product_type", "google_product_category"),
    "gtin": ("gtin",),
    "link": ("link",),
    "price": ("price",),
}
_PICTURES = ("image_link", "additional_image_link", "additional_image_links")
_LONG_TEXTS = ("description", "product_highlight", "product_detail", "ads_redirect")


def understand(table: pa.Table, chosen: Sources, variants: Variants | None) -> Understood:
    """Return the items of a feed; if variants are one, those of a group are one product."""
    table = table.rename_columns([_without_prefix(name) for name in table.column_names])
    names = table.column_names
    pictures = tuple(name for name in names if plain(name) in _PICTURES)
    sources = sources_of(names, _KNOWN, {"image": pictures} | dict(chosen))
    group = next((name for name in names if plain(name) == "item_group_id"), None)
    if variants is Variants.ONE and group is not None and "product_id" not in chosen:
        pairs = zip(
            table[group].to_pylist(), table[sources["product_id"][0]].to_pylist(), strict=True
        )
        grouped = pa.array([first(pair) for pair in pairs], pa.string())
        table = table.set_column(names.index(group), group, grouped)
        sources["product_id"] = (group,)
    ignored = [name for name in names if plain(name) in _LONG_TEXTS]
    return replace(renamed(table, sources, ignored), feed=NAME)


def _without_prefix(name: str) -> str:
    return name.removeprefix("g:")


def _recognises(names: frozenset[str]) -> bool:
    names = frozenset(name.removeprefix("g_") for name in names)
    return {"id", "title", "image_link"} <= names


GOOGLE_MERCHANT = Feed(NAME, _recognises, understand)
