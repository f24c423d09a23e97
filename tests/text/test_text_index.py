"""The textual index, against plain loops and scikit-learn's own vectoriser."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from beautylens.errors import CollectionError
from beautylens.text.text_index import TextIndex
from beautylens.text.words import words_of

SHOP = {
    "a": "Aurelle Velvet Lipstick 475",
    "b": "Aurelle Velvet Lipstick 480",
    "c": "Aurelle velvet Lipstick 475",
    "d": "Nordlys Day Cream 50ml",
    "e": "Nordlys Crème de nuit 50ml cream cream",
    "f": "",
    "g": "★ ! —",
    "h": "Крем для лица Nordlys",
}
SETTINGS = [{}, {"words": 2}, {"characters": (3, 4)}, {"characters": (2, 5), "share": 0.8}]

words = st.sampled_from(["rouge", "velvet", "475", "30ml", "crème", "nuit", "x", "крем"])
texts = st.lists(st.lists(words, max_size=6).map(" ".join), max_size=9)


def fit(shop: dict[str, str], **settings) -> TextIndex:
    return TextIndex.fit(list(shop), list(shop.values()), **settings)


def word_terms(text: str, longest: int) -> list[str]:
    words = words_of(text)
    return [
        " ".join(words[start : start + n])
        for n in range(1, longest + 1)
        for start in range(len(words) - n + 1)
    ]


def character_terms(text: str, shortest: int, longest: int) -> list[str]:
    """n-grams of each word with a space at both ends; a word too short gives itself once."""
    found = []
    for word in (f" {word} " for word in words_of(text)):
        for n in range(shortest, longest + 1):
            if len(word) <= n:
                found.append(word)
                break
            found += [word[start : start + n] for start in range(len(word) - n + 1)]
    return found


def slow_cosines(query: list[str], rows: list[list[str]]) -> list[float]:
    having = Counter(term for row in rows for term in set(row))

    def weigh(terms: list[str]) -> dict[str, float]:
        counts = Counter(term for term in terms if term in having)
        weights = {
            term: count * (math.log((1 + len(rows)) / (1 + having[term])) + 1)
            for term, count in counts.items()
        }
        length = math.sqrt(sum(weight**2 for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items()}

    asked = weigh(query)
    return [
        sum(asked[term] * weight for term, weight in weigh(row).items() if term in asked)
        for row in rows
    ]


def slow_similarities(text: str, shop: dict[str, str], words=1, characters=None, share=0.3):
    rows = [word_terms(other, words) for other in shop.values()]
    cosines = np.array(slow_cosines(word_terms(text, words), rows))
    if characters is not None:
        rows = [character_terms(other, *characters) for other in shop.values()]
        others = np.array(slow_cosines(character_terms(text, *characters), rows))
        cosines = (1 - share) * cosines + share * others
    return {p: value for p, value in zip(shop, cosines, strict=True) if value > 1e-9}


@pytest.mark.parametrize("settings", SETTINGS)
def test_similarities_agree_with_plain_loops(settings) -> None:
    index = fit(SHOP, **settings)
    for product, found in zip(SHOP, index.similar(list(SHOP), 99), strict=True):
        expected = slow_similarities(SHOP[product], SHOP, **settings)
        expected.pop(product, None)
        assert dict(found) == pytest.approx(expected, abs=1e-5)
        assert [value for _, value in found] == sorted(dict(found).values(), reverse=True)
    for text in ("velvet 475", "NORDLYS crème", "крем", "unknown", ""):
        expected = slow_similarities(text, SHOP, **settings)
        assert dict(index.search(text, 99)) == pytest.approx(expected, abs=1e-5)


def test_word_similarities_are_those_of_scikit_learn() -> None:
    vectoriser = TfidfVectorizer(tokenizer=words_of, lowercase=False, token_pattern=None)
    rows = vectoriser.fit_transform(SHOP.values())
    cosines = (rows @ rows.T).toarray()
    for row, found in enumerate(fit(SHOP).similar(list(SHOP), 99)):
        expected = {p: cosines[row, place] for place, p in enumerate(SHOP) if place != row}
        positive = {product: value for product, value in expected.items() if value > 0}
        assert dict(found) == pytest.approx(positive, abs=1e-5)


def test_the_answer_is_cut_by_limit_and_by_minimum() -> None:
    index = fit(SHOP)
    (everything,) = index.similar(["a"], 99)
    assert index.similar(["a"], 1) == [everything[:1]]
    minimum = everything[1][1]
    assert index.similar(["a"], 99, minimum) == [[f for f in everything if f[1] >= minimum]]


def test_identical_texts_are_wholly_similar_and_come_in_the_order_of_ids() -> None:
    shop = dict.fromkeys("cabd", "Velvet Rouge") | {"e": "Velvet"}
    index = fit(shop)
    found = index.similar(["b"], 9)[0]
    assert [product for product, _ in found] == ["a", "c", "d", "e"]
    assert [value for _, value in found[:3]] == pytest.approx([1, 1, 1])
    assert [p for p, _ in index.search("velvet rouge", 2)] == ["a", "b"]


def test_products_without_a_word_or_unknown_ones_are_like_no_other() -> None:
    index = fit(SHOP)
    assert index.similar(["f", "g", "unknown"], 9) == [[], [], []]
    assert index.search("", 9) == index.search("★", 9) == index.search("zzz", 9) == []


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("shop", [{}, {"a": ""}, {"a": "", "b": "—"}])
def test_a_catalogue_without_words_has_an_index_that_finds_nothing(shop, settings) -> None:
    for index in (fit(shop, **settings), TextIndex.from_bytes(fit(shop, **settings).to_bytes())):
        assert len(index) == len(shop)
        assert index.similar(["a"], 9) == [[]]
        assert index.search("rouge", 9) == []


def test_characters_forgive_a_wrong_letter() -> None:
    assert fit(SHOP).search("velvit", 9) == []
    found = fit(SHOP, characters=(3, 4)).search("velvit", 3)
    assert {product for product, _ in found} == {"a", "b", "c"}


def test_shared_words_come_rarest_first() -> None:
    index = fit(SHOP)
    assert index.shared("d", "e") == ("50ml", "cream", "nordlys")
    assert index.shared("a", "d") == index.shared("a", "unknown") == index.shared("f", "g") == ()


def test_an_id_may_come_once_only() -> None:
    with pytest.raises(ValueError, match="one text for each product id"):
        TextIndex.fit(["a", "a"], ["x", "y"])
    with pytest.raises(ValueError, match="zip"):
        TextIndex.fit(["a", "b"], ["x"])


@given(texts, st.sampled_from(SETTINGS), st.randoms(use_true_random=False))
def test_the_order_of_the_products_changes_nothing(rows, settings, shuffle: random.Random) -> None:
    shop = {f"p{number}": text for number, text in enumerate(rows)}
    turned = list(shop.items())
    shuffle.shuffle(turned)
    assert fit(shop, **settings).to_bytes() == fit(dict(turned), **settings).to_bytes()


@given(texts, st.sampled_from(SETTINGS))
def test_a_stored_index_answers_the_same(rows, settings) -> None:
    shop = {f"é{number}": text for number, text in enumerate(rows)}
    index = fit(shop, **settings)
    read = TextIndex.from_bytes(index.to_bytes())
    assert read.similar(list(shop), 9) == index.similar(list(shop), 9)
    assert read.search("velvet 475 крем", 9) == index.search("velvet 475 крем", 9)
    assert len(read) == len(shop)


@pytest.mark.parametrize("damage", [b"", b"no archive", fit(SHOP).to_bytes()[:-300]])
def test_damaged_bytes_are_one_sentence(damage: bytes) -> None:
    with pytest.raises(CollectionError, match="text index cannot be read"):
        TextIndex.from_bytes(damage)
