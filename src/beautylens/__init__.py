"""Beautylens: point a phone at a beauty product, get the product in your catalogue.

import beautylens as bl

collection = bl.open("my.lens")
for match in collection.search("photo.jpg", limit=7):
    print(match.product.name, match.score, match.reasons)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from beautylens.collection import Collection
    from beautylens.collection import open_collection as open  # noqa: A004  (as in bl.open)
    from beautylens.errors import BeautylensError
    from beautylens.features.encoder.encoder import Encoder
    from beautylens.indexing import index
    from beautylens.results import Match, Matches, Product, Reasons

__version__ = "0.1.0"

__all__ = [
    "BeautylensError",
    "Collection",
    "Encoder",
    "Match",
    "Matches",
    "Product",
    "Reasons",
    "index",
    "open",
]

# Imported when they are asked for: the command line's help should not wait for engines.
_HOMES = {
    "Collection": "collection.Collection",
    "open": "collection.open_collection",
    "BeautylensError": "errors.BeautylensError",
    "Encoder": "features.encoder.encoder.Encoder",
    "index": "indexing.index",
    "Match": "results.Match",
    "Matches": "results.Matches",
    "Product": "results.Product",
    "Reasons": "results.Reasons",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'beautylens' has no attribute '{name}'")
    module, attribute = _HOMES[name].rsplit(".", 1)
    return getattr(import_module(f"beautylens.{module}"), attribute)
