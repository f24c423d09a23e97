"""The owner's page: kept searches, labelled with a tap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from beautylens.catalogue.truth import read_truth
from beautylens.collection import Collection
from tests.conftest import Shop
from tests.outside.browser.conftest import Site, listen
from tests.outside.browser.test_page import choose, no_serious_fault
from tests.outside.process import served

KEY = "a-key-of-the-tests-24680"


@pytest.fixture
def owned(browser: Browser, collection: Collection, tmp_path: Path) -> Iterator[Site]:
    kept, address = tmp_path / "kept", Path(collection.gallery.address)
    with served(address, "--keep-queries", str(kept), key=KEY) as running:
        yield Site(running, kept)


@pytest.fixture
def review(browser: Browser, owned: Site, shop: Shop, complaints: list[str]) -> Iterator[Page]:
    """The owner's page after two searches of a shopper, who clicked nothing."""
    shopper = browser.new_page()
    shopper.goto(owned.server.address)
    expect(shopper.locator("#privacy")).to_contain_text("30 days")
    for number in (1, 2):
        choose(shopper, shop.photo(number))
    shopper.close()
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    listen(opened, complaints)
    opened.goto(f"{owned.server.address}/review")
    opened.get_by_label("Write key").fill(KEY)
    opened.get_by_role("button", name="Show searches").click()
    expect(opened.locator(".search")).to_have_count(2)
    yield opened
    opened.close()
    assert complaints == []


def test_a_tap_labels_a_search(review: Page, owned: Site) -> None:
    expect(review.locator("#about")).to_have_text("2 without a label")
    latest = review.locator(".search").first
    expect(latest.locator("img.photo")).to_have_attribute("alt", "Photo of the search")
    latest.get_by_role("button", name="Crème 02 day").click()
    expect(latest.get_by_role("button", name="Crème 02 day")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(review.locator("#about")).to_have_text("1 without a label")
    (row,) = read_truth(owned.kept)
    assert row.product_ids == {"p02"}
    latest.get_by_role("button", name="None of the catalogue").click()
    expect(latest.locator(".answered")).to_contain_text("none of the catalogue")
    (row,) = read_truth(owned.kept)
    assert row.product_ids == frozenset()
    no_serious_fault(review)


def test_a_product_that_was_not_answered_is_found_by_its_words(review: Page) -> None:
    latest = review.locator(".search").first
    known = latest.locator(".product").count()
    latest.get_by_label("Another product").fill("qqqq")
    latest.get_by_role("button", name="Find").click()
    expect(latest.locator(".answered")).to_contain_text("No further product")
    assert latest.locator(".product").count() == known


def test_a_deleted_search_is_gone(review: Page, owned: Site) -> None:
    review.locator(".search").first.get_by_role("button", name="Delete").click()
    expect(review.locator(".search")).to_have_count(1)
    review.reload()
    expect(review.locator(".search")).to_have_count(1)
    assert len(list((owned.kept / "photos").iterdir())) == 1


def test_a_wrong_key_shows_nothing(browser: Browser, owned: Site) -> None:
    page = browser.new_page()
    page.goto(f"{owned.server.address}/review")
    page.get_by_label("Write key").fill("another-key-of-somebody")
    page.get_by_role("button", name="Show searches").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong write key")
    expect(page.locator(".search")).to_have_count(0)
    page.close()
