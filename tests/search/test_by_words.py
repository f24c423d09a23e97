"""Words alone: a ranking of products without a photo, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from beautylens.collection import Collection
from beautylens.errors import CollectionError, QueryError
from beautylens.images.fit import Box
from beautylens.indexing import build
from tests.conftest import Shop


def ids(collection: Collection, words: str, **options: Any) -> list[str]:
    found = collection.search(words=words, **options)
    return [match.product.product_id for match in found]


def test_words_alone_rank_products_without_a_verdict(collection: Collection) -> None:
    found = collection.search(words="nordlys creme 07", limit=3)
    assert found[0].product.product_id == "p07"
    assert (found.verdict, found.probability, found.question) == (None, None, None)
    first = found[0]
    assert (first.score, first.reasons.typed, first.probability) == (1.0, 1.0, None)
    assert set(first.reasons.words) == {"07", "Crème", "Nordlys"}
    assert first.reasons.visual is first.reasons.inliers is None
    assert len(found) == 3
    assert found.milliseconds["total"] > 0


def test_misspelt_words_and_ids_are_found(collection: Collection) -> None:
    assert set(ids(collection, "aurele", limit=12)) == {"p00", "p03", "p06", "p09"}
    assert ids(collection, "p05")[0] == "p05"
    assert ids(collection, "qqqqqq") == []


def test_the_filter_and_the_limit_hold(collection: Collection) -> None:
    assert ids(collection, "creme", where="shade = '004'") == ["p04"]
    assert len(ids(collection, "creme", limit=5)) == 5
    # More than are looked up for a photo are found as well: all twelve.
    assert len(ids(collection, "creme", limit=60)) == 12


def test_no_network_is_loaded_for_words(collection: Collection, shop: Shop) -> None:
    opened = Collection(collection.gallery)
    opened.parts._encoder = None  # type: ignore[assignment]  # a use would raise
    assert ids(opened, "creme 05")[0] == "p05"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "nothing to search with; give a photo, words, or both"),
        ({"words": "  "}, "nothing to search with"),
        ({"words": ["dior"]}, "words is of type list"),
        ({"words": "dior", "limit": 0}, "limit"),
        ({"words": "dior", "where": "nosuch = '1'"}, "unknown column 'nosuch'"),
        ({"words": "dior", "crop_to": Box(0, 0, 9, 9)}, "no photo to crop"),
    ],
)
def test_a_search_without_photo_says_what_is_wrong(
    collection: Collection, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(QueryError, match=message):
        collection.search(**options)


def test_a_collection_without_the_index_says_what_to_do(shop: Shop, tmp_path: Path) -> None:
    built = build(shop.table, tmp_path / "c.lens", recipe="fast")[0]
    with pytest.raises(CollectionError, match=re.escape("a recipe that has [words]")):
        built.search(words="creme")


def test_the_reasons_for_words_cannot_be_drawn(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="no photo to draw"):
        collection.search(words="creme").explain(tmp_path)
