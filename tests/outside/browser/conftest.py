"""The real page in a real browser, Debian's Chromium or Playwright's own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from beautylens.collection import Collection
from tests.outside.process import Served, served

CHROMIUM = shutil.which("chromium")
# Machines that also do other things need their time.
expect.set_options(timeout=20_000)


@dataclass(frozen=True)
class Site:
    """A running server, and where it keeps answers."""

    server: Served
    kept: Path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        if CHROMIUM is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no Chromium: `apt-get install chromium` or `playwright install chromium`")
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield started
        started.close()


@pytest.fixture(scope="session")
def site(
    browser: Browser, collection: Collection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    kept = tmp_path_factory.mktemp("answers")
    with served(Path(collection.gallery.address), "--keep-queries", str(kept)) as running:
        yield Site(running, kept)


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of; nothing, at the end of each test."""
    return []


@pytest.fixture
def page(browser: Browser, site: Site, complaints: list[str]) -> Iterator[Page]:
    """The page as it opens on a desktop."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    listen(opened, complaints)
    opened.goto(site.server.address)
    yield opened
    opened.close()
    assert complaints == []


def listen(page: Page, complaints: list[str]) -> None:
    """Note errors of the page, and requests that leave the server."""
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: (
            complaints.append(said.text)
            if said.type == "error" and "Failed to load resource" not in said.text
            else None
        ),
    )
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("http://127.0.0.1", "blob:", "data:"))
            else complaints.append(asked.url)
        ),
    )
