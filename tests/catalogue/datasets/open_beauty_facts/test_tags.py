"""What a person writes is found among the tags, whatever its accents, case and language."""

from __future__ import annotations

import pytest

from beautylens.catalogue.datasets.open_beauty_facts.export import Listing
from beautylens.catalogue.datasets.open_beauty_facts.tags import Filters, most_specific, slug

CREAM = Listing(
    1,
    "1",
    brand_tags=("xx:l-oreal-paris", "xx:l-oreal"),
    category_tags=("en:face", "en:day-creams", "fr:crèmes-de-jour"),
    country_tags=("en:france", "en:germany"),
)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("L'Oréal Paris", "l-oreal-paris"), ("xx:l-oreal-paris", "l-oreal-paris"),
        ("Day creams", "day-creams"), ("en:day-creams", "day-creams"), (" Bébé & Moi", "bebe-moi"),
        ("资生堂", "资生堂"), ("", ""),
    ],
)  # fmt: skip
def test_a_tag_and_what_a_person_writes_have_one_form(written: str, plain: str) -> None:
    assert slug(written) == plain


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        (Filters(), True),
        (Filters("France"), True),
        (Filters("en:germany", "Face", "L'ORÉAL"), True),
        (Filters(category="Crèmes de jour"), True),
        (Filters("Spain"), False),
        (Filters("France", "Face", "Nivea"), False),
        (Filters(brand="oreal"), False),
    ],
)
def test_a_product_is_wanted_when_it_has_every_tag_asked_for(
    filters: Filters, wanted: bool
) -> None:
    assert filters.accept(CREAM) is wanted


def test_filters_need_the_columns_that_they_compare() -> None:
    assert Filters().columns == []
    assert Filters("France", brand="Nivea").columns == ["countries_tags", "brands_tags"]


def test_where_nothing_was_wanted_the_tag_probably_meant_is_named() -> None:
    filters = Filters("France", "Day cream")
    filters.accept(CREAM)
    assert filters.advice() == "no product has the category 'day-cream'; is 'day-creams' meant?"
    filters = Filters("Zanzibar")
    filters.accept(CREAM)
    assert filters.advice() == "no product has the country 'zanzibar'"
    assert Filters("France").advice() == "give another export, or other filters"


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (("en:face", "en:day-creams"), "Day creams"),
        (("en:face", "fr:crèmes-de-jour"), "Face"),
        (("fr:visage", "fr:crèmes-de-jour"), "Crèmes de jour"),
        (("en:hair", "en:shampoos", "en:open-beauty-facts"), "Shampoos"),
        (("en:non-food-products",), ""),
        ((), ""),
    ],
)
def test_the_category_is_the_most_specific_one_that_can_be_read(
    tags: tuple[str, ...], words: str
) -> None:
    assert most_specific(tags) == words
