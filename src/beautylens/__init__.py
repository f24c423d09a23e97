"""Beautylens: point a phone at a beauty product, get the product in your catalogue.

import beautylens as bl

collection = bl.open("my.lens")
for match in collection.search("photo.jpg", limit=7):
    print(match.product.name, match.score, match.reasons)
"""

from __future__ import annotations

from beautylens.collection import Collection
from beautylens.collection import open_collection as open  # noqa: A004  (the public face: bl.open)
from beautylens.errors import BeautylensError
from beautylens.features.encoder import Encoder
from beautylens.indexing import index
from beautylens.records import Match, Matches, Product, Reasons

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
