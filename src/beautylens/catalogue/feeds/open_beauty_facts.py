"""The tab-separated export of Open Beauty Facts, whose nested ones `beautylens fetch` reads.

https://world.openbeautyfacts.org/data/data-fields.txt
"""

from __future__ import annotations

from dataclasses import replace
from html import unescape

import pyarrow as pa

from beautylens.catalogue.feeds.feed import (
    Feed,
    Sources,
    Understood,
    Variants,
    renamed,
    sources_of,
)

NAME = "Open Beauty Facts export"
_KNOWN = {
    "product_id": ("code",),
    "gtin": ("code",),
    "name": ("product_name",),
    "brand": ("brands",),
    "category": ("categories",),
    "image": ("image_front_url", "image_url"),
    "link": ("url",),
    "quantity": ("quantity",),
    "countries": ("countries",),
}


def understand(table: pa.Table, chosen: Sources, variants: Variants | None) -> Understood:
    """Return the products of an export; it has no variants."""
    del variants
    names = table.column_names
    sources = sources_of(names, _KNOWN, chosen)
    used = {name for several in sources.values() for name in several}
    found = renamed(table, sources, [name for name in names if name not in used])
    # The database stores texts escaped as HTML (openfoodfacts-server, issue 1769).
    columns = {
        name: pa.array([unescape(cell) for cell in found.table[name].to_pylist()], pa.string())
        for name in found.table.column_names
    }
    return replace(found, table=pa.table(columns), feed=NAME)


def _recognises(names: frozenset[str]) -> bool:
    return {"code", "product_name", "image_url"} <= names


OPEN_BEAUTY_FACTS = Feed(NAME, _recognises, understand)
