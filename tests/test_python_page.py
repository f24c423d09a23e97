"""What docs/python.md shows runs as it stands, block after block, and names all that is public."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import beautylens as bl
from tests.conftest import make_shop, write_table
from tests.pages import ROOT, blocks

PAGE = "docs/python.md"
NAMES = ("Velvet Lipstick", "Day Cream", "Body Oil")
BRANDS = ("Aurelle", "Nordlys", "Kumo")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the page works in: a table, pictures, photos and a truth table."""
    shop = make_shop(tmp_path, 3)
    for name, number in (("1001-front", 0), ("1001-back", 2), ("1002", 1)):
        shutil.copy(shop.picture(number), tmp_path / f"{name}.jpg")
    shutil.copy(shop.photo(0), tmp_path / "photo.jpg")
    ids = ("1001", "1002", "1003")
    write_table(
        tmp_path / "products.csv",
        [
            {"product_id": ids[n], "image": f"gallery/{n:02}.jpg", "name": NAMES[n],
             "brand": BRANDS[n], "shade": f"{n}"}
            for n in range(3)
        ],
    )  # fmt: skip
    truth = [{"image": f"photos/{n:02}.jpg", "product_ids": ids[n]} for n in range(3)]
    write_table(tmp_path / "truth.csv", truth)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_page(page: str) -> None:
    shared: dict[str, object] = {}
    for block in blocks(page):
        if block.language == "python" and not block.excuse:
            exec(compile(block.text, page, "exec"), shared)  # noqa: S102  (our own page)


def test_every_example_of_the_page_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_page("docs/python.md")
    said = capsys.readouterr().out
    assert "3 pictures, 0 could not be read" in said
    assert "Velvet Lipstick" in said
    assert "mAP@7 1.000" in said
    assert "1 pictures removed" in said
    assert (folder / "why" / "1_1001.png").is_file()
    assert (folder / "report" / "index.html").is_file()


@pytest.mark.parametrize("name", bl.__all__)
def test_the_page_names_everything_that_is_public(name: str) -> None:
    named = set(re.findall(r"`(?:bl\.)?(\w+)`|bl\.(\w+)", (ROOT / PAGE).read_text("utf-8")))
    assert name in {each for pair in named for each in pair}
