"""<beauty-lens> in the page of another site."""

from __future__ import annotations

import functools
import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from beautylens.collection import Collection
from tests.conftest import Shop
from tests.outside.process import served

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A shop</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
 script-src {server} 'self'; connect-src {server}; img-src {server} blob:">
</head><body><main><h1>A shop</h1>
<script src="{server}/widget.js"></script><script src="shop.js"></script>
<beauty-lens limit="4"></beauty-lens></main></body></html>"""
SCRIPT = """
window.told = [];
for (const name of ["result", "select"]) {
  document.addEventListener(name, (event) => {
    if (!event.detail) return;
    told.push([name, event.detail.verdict || event.detail.product_id]);
    event.preventDefault();
  });
}
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def other_site(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def shop_page(browser: Browser, collection: Collection, tmp_path: Path) -> Iterator[Page]:
    """The page of a shop that embeds the widget of a server on another port."""
    (tmp_path / "shop.js").write_text(SCRIPT, "utf-8")
    with (
        other_site(tmp_path) as shop,
        served(Path(collection.gallery.address), "--origin", shop) as server,
    ):
        (tmp_path / "index.html").write_text(PAGE.format(server=server.address), "utf-8")
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        page.goto(f"{shop}/index.html")
        yield page
        page.close()
        assert [said for said in complaints if "Failed to load resource" not in said] == []


def test_a_shop_embeds_the_search_and_hears_what_is_chosen(shop_page: Page, shop: Shop) -> None:
    lens = shop_page.locator("beauty-lens")
    expect(lens.get_by_text("Search by photo")).to_be_visible()
    lens.locator("input").set_input_files(shop.photo(2))
    expect(lens.locator(".title")).to_have_text("We found it")
    product = lens.locator(".best .product")
    expect(product).to_contain_text("Crème 02 day")
    assert product.locator("img").evaluate("i => i.decode().then(() => i.naturalWidth)") > 0
    expect(lens.locator(".product")).to_have_count(4)
    faults = Axe().run(shop_page).response["violations"]
    assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []
    product.click()
    assert shop_page.evaluate("told") == [["result", "match"], ["select", "p02"]]
    assert shop_page.url.endswith("/index.html")


def test_what_is_no_picture_is_told_and_another_photo_can_be_taken(
    shop_page: Page, shop: Shop, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.jpg"
    letter.write_text("dear shop", "utf-8")
    lens = shop_page.locator("beauty-lens")
    lens.locator("input").set_input_files(letter)
    expect(lens.locator(".trouble")).to_contain_text("no known picture")
    expect(lens.get_by_role("button", name="Take another photo")).to_be_visible()
    lens.locator("input").set_input_files(shop.photo(1))
    expect(lens.locator(".best .product")).to_contain_text("Crème 01 rouge")


def test_the_widget_is_small(shop_page: Page) -> None:
    address = shop_page.locator("script").first.get_attribute("src")
    assert address is not None
    script = shop_page.request.get(address).body()
    assert len(gzip.compress(script)) < 8_000
