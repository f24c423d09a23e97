"""Take the screenshots of the documentation: the HTML report and the photo-search page.

Both show searches in the demo's catalogue. Needs the extra `outside` and Chromium.

    make demo
    .venv/bin/python tools/draw_screens.py demo docs/pictures
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# Queries of the demo that the report's screenshot shows.
SHOWN = ("q14.jpg", "q26.jpg")
PHOTO = "q26.jpg"
# Presses of an arrow key for each corner of the frame.
STEPS = 5
QUALITY = 85


def main() -> None:
    """Take both screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("demo", type=Path, help="the folder that `beautylens demo` wrote")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    demo = arguments.demo.resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        show_report(browser, demo / "report" / "index.html", arguments.out / "report.jpg")
        with served(demo / "sample.lens") as address:
            show_page(browser, address, demo / "queries" / PHOTO, arguments.out / "page.jpg")
        browser.close()


def show_report(browser: Browser, report: Path, out: Path) -> None:
    """Take a screenshot of the report's rows of the shown queries."""
    page = browser.new_page(viewport={"width": 1240, "height": 900})
    page.goto(report.as_uri())
    page.evaluate(
        """names => {
          const title = query => query.querySelector("h3").textContent;
          const queries = [...document.querySelectorAll(".query")];
          const shown = names.map(name => queries.find(query => title(query) === name));
          const sheet = document.createElement("div");
          sheet.id = "sheet";
          sheet.style = "padding: 8px 12px";
          sheet.append(...shown);
          document.querySelector("main").replaceChildren(sheet);
        }""",
        SHOWN,
    )
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.locator("#sheet").screenshot(path=out, type="jpeg", quality=QUALITY)
    page.close()


def show_page(browser: Browser, address: str, photo: Path, out: Path) -> None:
    """Take a screenshot of the photo-search page, with the photo cropped to the product."""
    page = browser.new_page(viewport={"width": 1280, "height": 860})
    page.goto(address)
    page.set_input_files("#file", photo)
    page.locator(".card:not(.ghost)").first.wait_for(timeout=60_000)
    for corner, keys in (
        ("Upper left corner", ("ArrowRight", "ArrowDown")),
        ("Lower right corner", ("ArrowLeft", "ArrowUp")),
    ):
        with page.expect_response("**/v1/search", timeout=60_000):
            page.get_by_role("button", name=corner).focus()
            for key in keys * STEPS:
                page.keyboard.press(key)
    page.wait_for_timeout(2000)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    page.screenshot(path=out, type="jpeg", quality=QUALITY)
    page.close()


@contextmanager
def served(collection: Path) -> Iterator[str]:
    """Yield the address of a server of a collection."""
    command = [sys.executable, "-m", "beautylens", "serve", str(collection), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(process.stdout or iter(())).split()[-1]
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
