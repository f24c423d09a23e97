"""The known feeds, and the columns of any table in the names of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import pyarrow as pa

from beautylens.catalogue.feeds.feed import Sources, Understood, Variants, plain
from beautylens.catalogue.feeds.google_merchant import GOOGLE_MERCHANT
from beautylens.catalogue.feeds.open_beauty_facts import OPEN_BEAUTY_FACTS
from beautylens.catalogue.feeds.schema_org import SCHEMA_ORG
from beautylens.catalogue.feeds.shopify import SHOPIFY
from beautylens.catalogue.feeds.usual_names import understand as by_usual_names
from beautylens.catalogue.feeds.woocommerce import WOOCOMMERCE
from beautylens.errors import TableError
from beautylens.files.paths import AnyPath

# In the order in which they are tried.
FEEDS = (SCHEMA_ORG, SHOPIFY, WOOCOMMERCE, OPEN_BEAUTY_FACTS, GOOGLE_MERCHANT)
# Columns of a table that is no feed, whatever other columns it has.
_OWN = frozenset(("product_id", "image"))


def understand(
    path: AnyPath | str,
    table: pa.Table,
    columns: Mapping[str, str] | Sources | None = None,
    variants: str | None = None,
) -> Understood:
    """Return a table with the columns of a catalogue.

    Args:
        path: the table's name in errors.
        table: text columns.
        columns: by name of the catalogue's column, the table's column, or several of them.
        variants: whether variants are products; by default as is usual in the feed.

    Raises:
        TableError: when the table has no such column, or there is no such kind of variants.
    """
    wanted = _wanted(variants)
    chosen = _chosen(path, table, columns or {})
    names = frozenset((*table.column_names, *map(plain, table.column_names)))
    named = {name for several in chosen.values() for name in several}
    if not (names >= _OWN or named.issuperset(table.column_names)):
        for feed in FEEDS:
            if feed.recognises(names):
                return feed.understand(table, chosen, wanted)
    return by_usual_names(table, chosen, wanted)


def _wanted(variants: str | None) -> Variants | None:
    if variants is None or variants in list(Variants):
        return None if variants is None else Variants(variants)
    raise TableError(f"variants are 'products' or 'one', not {variants!r}")


def _chosen(
    path: AnyPath | str, table: pa.Table, columns: Mapping[str, str] | Sources
) -> dict[str, tuple[str, ...]]:
    names = table.column_names
    alike = {plain(name): name for name in reversed(names)}
    chosen = {}
    for target, given in columns.items():
        several = (given,) if isinstance(given, str) else tuple(given)
        found = []
        for source in several:
            name = source if source in names else alike.get(plain(source))
            if name is None:
                near = get_close_matches(source, names, 1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                listed = ", ".join(map(repr, names))
                raise TableError(f"{path} has no column {source!r} but only {listed}{hint}")
            found.append(name)
        chosen[target] = tuple(found)
    return chosen
