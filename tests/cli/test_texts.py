"""Names, ids and titles of others are printed as they are, whatever they hold."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from beautylens.catalogue.write import sheet_row
from beautylens.cli import formats
from beautylens.cli.console import PlainConsole, report_error
from beautylens.collection import Collection
from beautylens.indexing import build
from tests.cli.test_cli import one_line, run
from tests.conftest import Shop, catalogue_rows, make_shop, write_table

IDS = ("[/gone]", ":100:", "x" * 269, "=1+1", "a/b\nerror: forged", "CON")
TITLE = "[red]Rouge\x1b[31m\x9b\u202e"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six products with ids and names that are hard to print, and their photos."""
    shop = make_shop(tmp_path_factory.mktemp("shop"), 6)
    rows = catalogue_rows(6)
    for row, product_id in zip(rows, IDS, strict=True):
        row |= {"product_id": product_id, "name": TITLE, "brand": "@SUM(A1)"}
    write_table(shop.table, rows)
    return shop


@pytest.fixture(scope="module")
def lens(shop: Shop) -> Collection:
    return build(shop.table, shop.folder / "shop.lens")[0]


@pytest.fixture(scope="module")
def photos(shop: Shop) -> Path:
    """A folder of photos, one of whose names is no text."""
    folder = shop.folder / "shots"
    folder.mkdir()
    for number, name in enumerate((b"a\xff.jpg", "Crème.jpg".encode(), b"[red]:100:.jpg")):
        shutil.copy(shop.photo(number), os.fsdecode(os.fsencode(folder) + b"/" + name))
    return folder


def in_ascii(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command whose output can carry ASCII alone."""
    command = [sys.executable, "-c", "from beautylens.cli import main; main()"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True, text=True, check=True, encoding="ascii",
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict", "COLUMNS": "400", "NO_COLOR": "1"},
    )  # fmt: skip


def test_a_name_that_is_no_text_does_not_stop_the_others(lens: Collection, photos: Path) -> None:
    done = in_ascii("search", lens.gallery.address, photos, "--format", "json")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [os.fsencode(Path(answer["query"]).name) for answer in answers] == [
        "Crème.jpg".encode(), b"[red]:100:.jpg", b"a\xff.jpg",
    ]  # fmt: skip
    assert [answer["matches"][0]["product_id"] for answer in answers] == [IDS[1], IDS[2], IDS[0]]


@pytest.mark.parametrize("style", ["csv", "challenge", "table"])
def test_every_format_names_what_its_encoding_lacks_by_escapes(
    lens: Collection, photos: Path, style: str
) -> None:
    done = in_ascii("search", lens.gallery.address, photos, "--format", style)
    said = done.stdout if style != "table" else done.stderr
    for name in (r"a\xff", r"Cr\xe8me", "[red]:100:"):
        assert name in said
    for line in ("[/gone]", ":100:"):
        assert line in said
    assert "\x1b" not in said


def test_figures_pages_and_facts_are_written_too(
    lens: Collection, shop: Shop, tmp_path: Path
) -> None:
    truth = shop.folder / "truth.csv"
    truth.write_text(
        "image,product_ids,kind\nphotos/00.jpg,[/gone],[/é] :100:\nphotos/01.jpg,[/no],\n"
    )
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    done = in_ascii("evaluate", lens.gallery.address, truth, "--json", "--report", folder)
    assert list(json.loads(done.stdout)["by_kind"]) == ["[/é] :100:"]
    assert "[/no]" in done.stderr
    assert r"[/\xe9] :100:" in done.stderr
    page = (Path(folder) / "index.html").read_text("utf-8")
    assert r"[red]Rouge\x1b[31m\x9b\u202e" in page
    assert json.loads(in_ascii("info", lens.gallery.address, "--json").stdout)["products"] == 6


def test_cells_of_answers_are_no_formulas_and_steer_no_terminal(
    lens: Collection, shop: Shop
) -> None:
    done = run("search", lens.gallery.address, shop.photo(3), "--format", "csv")
    first = next(csv.DictReader(io.StringIO(done.stdout)))
    assert first["product_id"] == "'=1+1"
    assert first["brand"] == "'@SUM(A1)"
    assert first["name"] == r"[red]Rouge\x1b[31m\x9b\u202e"
    assert float(first["visual"]) > 0.5


def test_numbers_and_texts_that_are_no_formulas_stay_as_they_are() -> None:
    row = [-0.5, None, 3, "-0.5", "+49", "1,5", "a=b", "", "-12", "p-1"]
    assert sheet_row(row) == row
    risky = ["=1", "+a", "-1+1", "@x", "\t=1", "\uff1d1"]
    assert all(str(cell).startswith("'") for cell in sheet_row(risky))


def test_reasons_are_drawn_for_products_of_any_id(
    lens: Collection, shop: Shop, tmp_path: Path
) -> None:
    long = shop.folder / f"{'y' * 250}.jpg"
    shutil.copy(shop.photo(0), long)
    run("search", lens.gallery.address, long, "-k", 6, "--explain", tmp_path)
    (folder,) = (each for each in tmp_path.iterdir() if each.is_dir())
    drawn = {path.name.partition("_")[0] for path in folder.iterdir()} - {"photo.png"}
    assert drawn == set("123456")


def test_a_table_in_a_folder_that_is_no_text_says_which_folder(shop: Shop, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    shutil.copytree(shop.folder / "gallery", Path(folder) / "gallery")
    table = shutil.copy(shop.table, folder)
    done = run("index", table, tmp_path / "c.lens", code=1)
    assert r"\xff/gallery/00.jpg is not UTF-8; rename the folder in question" in done.stderr
    done = run("index", shop.table, Path(folder) / "c.lens", code=1)
    assert r"\xff/c.lens cannot be created: its path is not UTF-8; rename" in one_line(done.stderr)


def test_an_id_of_any_length_leaves_room_for_the_other_columns(
    lens: Collection, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(formats, "console", PlainConsole(file=shown, width=120))
    matches = lens.search(shop.photo(2), limit=2)
    formats.write_table(formats.Answer("a.jpg", matches), first=True)
    for match in matches:
        assert f"{match.reasons.visual:.2f}" in shown.getvalue()
    assert shown.getvalue().count("x") >= len(IDS[2])


def test_what_is_printed_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    console = PlainConsole(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    console.print("[bold]a[/] :100: \x1b[31m [/gone]")
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == "[bold]a[/] :100: \\x1b[31m [/gone]\n"
    report_error("no [/gone]\nerror: \x9bforged")
    assert capsys.readouterr().err == "error: no [/gone]\\nerror: \\x9bforged\n"
