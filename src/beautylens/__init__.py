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
    from beautylens.errors import (
        BeautylensError,
        CollectionError,
        DownloadError,
        EncoderError,
        ImageError,
        MissingExtraError,
        QueryError,
        RecipeError,
        ServeError,
        TableError,
    )
    from beautylens.evaluation.evaluate import Evaluation, evaluate
    from beautylens.features.encoder.encoder import Encoder
    from beautylens.images.fit import Box
    from beautylens.indexing import index
    from beautylens.reasons import Difference, Question, Reasons
    from beautylens.recipe.recipe import Recipe, read_recipe
    from beautylens.results import Explanation, Match, Matches, Product

__version__ = "0.1.0"

__all__ = [
    "BeautylensError",
    "Box",
    "Collection",
    "CollectionError",
    "Difference",
    "DownloadError",
    "Encoder",
    "EncoderError",
    "Evaluation",
    "Explanation",
    "ImageError",
    "Match",
    "Matches",
    "MissingExtraError",
    "Product",
    "QueryError",
    "Question",
    "Reasons",
    "Recipe",
    "RecipeError",
    "ServeError",
    "TableError",
    "evaluate",
    "index",
    "open",
    "read_recipe",
]

# Imported when they are asked for: the command line's help should not wait for engines.
_HOMES = {
    "BeautylensError": "errors.BeautylensError",
    "Box": "images.fit.Box",
    "Collection": "collection.Collection",
    "CollectionError": "errors.CollectionError",
    "Difference": "reasons.Difference",
    "DownloadError": "errors.DownloadError",
    "Encoder": "features.encoder.encoder.Encoder",
    "EncoderError": "errors.EncoderError",
    "Evaluation": "evaluation.evaluate.Evaluation",
    "Explanation": "results.Explanation",
    "ImageError": "errors.ImageError",
    "Match": "results.Match",
    "Matches": "results.Matches",
    "MissingExtraError": "errors.MissingExtraError",
    "Product": "results.Product",
    "QueryError": "errors.QueryError",
    "Question": "reasons.Question",
    "Reasons": "reasons.Reasons",
    "Recipe": "recipe.recipe.Recipe",
    "RecipeError": "errors.RecipeError",
    "ServeError": "errors.ServeError",
    "TableError": "errors.TableError",
    "evaluate": "evaluation.evaluate.evaluate",
    "index": "indexing.index",
    "open": "collection.open_collection",
    "read_recipe": "recipe.recipe.read_recipe",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'beautylens' has no attribute '{name}'")
    module, attribute = _HOMES[name].rsplit(".", 1)
    return getattr(import_module(f"beautylens.{module}"), attribute)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
