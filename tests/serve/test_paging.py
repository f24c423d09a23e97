"""Pages, order and counts of the candidates of a search."""

from __future__ import annotations

from collections import Counter

import pytest
from starlette.testclient import TestClient

from beautylens.collection import Collection
from beautylens.errors import QueryError
from beautylens.results import Match, Matches, Product
from beautylens.serve.paging import Page
from tests.conftest import Shop


def ids_of(client: TestClient, photo: bytes, **fields: object) -> list[str]:
    answer = client.post("/v1/search", files={"image": photo}, data=fields)
    assert answer.status_code == 200
    return [match["product_id"] for match in answer.json()["matches"]]


def test_pages_put_together_are_the_whole_list(
    client: TestClient, collection: Collection, shop: Shop
) -> None:
    photo = shop.photo(1).read_bytes()
    whole = ids_of(client, photo, limit=9)
    assert len(whole) == 9
    pages = [ids_of(client, photo, limit=4, offset=offset) for offset in (0, 4, 8)]
    assert [each for page in pages for each in page][:9] == whole
    assert ids_of(client, photo, offset=40) == []
    matches = collection.search(shop.photo(1), 4, offset=4)
    assert [match.product.product_id for match in matches] == pages[1]
    assert matches.verdict == "match"
    words = collection.search(words="creme", limit=2, offset=1)
    both = collection.search(words="creme", limit=3)
    assert list(words) == list(both[1:])


def test_an_offset_in_python_is_a_whole_number(collection: Collection, shop: Shop) -> None:
    with pytest.raises(QueryError, match="offset is -1; give a whole number, 0 or more"):
        collection.search(shop.photo(1), offset=-1)


def test_facets_count_all_candidates_and_not_the_page(
    client: TestClient, collection: Collection, shop: Shop
) -> None:
    fields = {"limit": 2, "facets": "brand, Shade", "where": "shade > '002'"}
    answer = client.post(
        "/v1/search", files={"image": shop.photo(1).read_bytes()}, data=fields
    ).json()
    candidates = collection.candidates(shop.photo(1), where="shade > '002'")
    brands = Counter(match.product.brand for match in candidates)
    assert sum(brands.values()) > len(answer["matches"]) == 2
    assert {each["value"]: each["count"] for each in answer["facets"]["brand"]} == brands
    assert {each["count"] for each in answer["facets"]["shade"]} == {1}
    counts = [each["count"] for each in answer["facets"]["brand"]]
    assert counts == sorted(counts, reverse=True)


def test_facets_of_a_search_by_words_count_more_than_the_page(client: TestClient) -> None:
    fields = {"words": "creme", "limit": "1", "facets": "brand"}
    files = {name: (None, text) for name, text in fields.items()}
    answer = client.post("/v1/search", files=files).json()
    assert len(answer["matches"]) == 1
    assert sum(each["count"] for each in answer["facets"]["brand"]) == 12


def test_candidates_are_sorted_over_all_pages(client: TestClient, shop: Shop) -> None:
    photo = shop.photo(1).read_bytes()
    shades = ids_of(client, photo, sort="shade", limit=12)
    assert shades == sorted(shades)
    assert ids_of(client, photo, sort="-shade", limit=3, offset=2) == shades[::-1][2:5]


def test_numbers_are_sorted_as_numbers_and_empty_cells_come_last() -> None:
    prices = ("9.5", "", "10", "on request", "9.50", "-3")
    candidates = Matches(
        tuple(
            Match(str(number), Product(str(number), metadata={"price": price}), "", 1.0 - number)
            for number, price in enumerate(prices)
        )
    )

    def order(sort: str) -> list[str]:
        page = Page.parse(7, 0, sort, "", ("price",))
        return [match.product.metadata["price"] for match in page.of(candidates)]

    assert order("price") == ["-3", "9.5", "9.50", "10", "on request", ""]
    assert order("-Price") == ["10", "9.5", "9.50", "-3", "on request", ""]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"offset": "-1"}, "offset: input should be greater than or equal to 0"),
        ({"offset": "far"}, "offset: input should be a valid integer"),
        ({"offset": "50"}, "offset: input should be less than 50"),
        ({"offset": "44"}, "offset and limit together are 51, but at most 50"),
        ({"sort": "-brnd"}, "sort: unknown column 'brnd'; did you mean 'brand'?"),
        ({"sort": "path"}, "sort: unknown column 'path'"),
        ({"facets": "brand,image_id"}, "facets: unknown column 'image_id'"),
        ({"facets": ",".join(["brand"] * 11)}, "facets has 11 columns; give at most 10"),
    ],
)
def test_a_page_that_cannot_be_gets_one_sentence(
    client: TestClient, shop: Shop, fields: dict[str, str], said: str
) -> None:
    answer = client.post("/v1/search", files={"image": shop.photo(0).read_bytes()}, data=fields)
    assert answer.status_code == 422
    assert said in answer.json()["detail"]
