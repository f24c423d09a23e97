"""`index --mirror`, once and at an interval, and `update`, as a user would type them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import typer

from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.cli.intervals import next_wait, seconds_of
from beautylens.cli.mirror import MirrorOptions, follow
from beautylens.collection import open_collection
from beautylens.recipe.recipe import read_recipe
from beautylens.store.write_lock import MIRROR_LOCK, write_lock
from tests.catalogue.web import Handler, Web, serving
from tests.cli.test_cli import run
from tests.conftest import Shop, catalogue_rows, draw_pack, make_shop, write_table


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "fast.toml").write_text("[encoder]\nside = 64\n")
    shop = make_shop(folder / "shop", 6)
    run("index", shop.table, folder / "shop.lens", "--recipe", folder / "fast.toml")
    return folder


@pytest.fixture
def mine(built: Path, tmp_path: Path) -> Path:
    for name in ("shop", "shop.lens"):
        shutil.copytree(built / name, tmp_path / name)
    shutil.copy(built / "fast.toml", tmp_path)
    return tmp_path


def mirror(folder: Path, *options: str, code: int = 0) -> str:
    command = ("index", folder / "shop" / "catalogue.csv", folder / "shop.lens", "--mirror")
    return run(*command, "--recipe", folder / "fast.toml", *options, code=code).stderr


def test_a_mirror_prints_what_it_did_and_a_plan_what_it_would_do(mine: Path) -> None:
    shop = Shop(mine / "shop")
    mirror(mine)
    rows = catalogue_rows(7)[1:]
    rows[0]["name"] = "Another name"
    write_table(shop.table, rows)
    cv2.imwrite(str(shop.picture(6)), draw_pack(6))
    said = "Mirror: 1 added, 1 with other columns, 1 removed, 4 unchanged.\nRemoved: p00.\n"
    assert mirror(mine, "--plan") == said
    assert len(open_collection(mine / "shop.lens")) == 6
    done = mirror(mine)
    assert done.startswith(said)
    assert "shop.lens: 6 products, 6 pictures (" in done
    assert mirror(mine, "--plan") == "Mirror: 6 unchanged.\n"


def test_half_a_feed_is_refused_unless_it_is_meant(mine: Path) -> None:
    write_table(Shop(mine / "shop").table, catalogue_rows(3))
    said = mirror(mine, code=1)
    assert "catalogue.csv lacks 3 of the collection's 6 products, which would be removed" in said
    assert "run it with --yes" in said
    assert len(open_collection(mine / "shop.lens")) == 6
    assert "3 removed" in mirror(mine, "--yes")


def test_the_table_of_another_shop_is_not_added_unasked(mine: Path) -> None:
    shop = Shop(mine / "shop")
    rows = [row | {"product_id": f"q{row['product_id']}"} for row in catalogue_rows(6)]
    other = write_table(shop.folder / "other.csv", rows)
    command = ("index", other, mine / "shop.lens", "--recipe", mine / "fast.toml")
    assert "it seems to be of another shop" in run(*command, code=1).stderr
    assert len(open_collection(mine / "shop.lens")) == 6
    run(*command, "--yes")
    assert len(open_collection(mine / "shop.lens")) == 12


def test_a_plan_is_printed_once(mine: Path) -> None:
    assert "leave out --every or --plan" in mirror(mine, "--plan", "--every", "1h", code=2)


def test_two_mirrors_of_one_collection_are_refused(mine: Path) -> None:
    with write_lock(mine / "shop.lens", MIRROR_LOCK):
        assert "another process mirrors a table into" in mirror(mine, code=1)


def test_add_says_what_it_replaces_and_update_keeps_it(mine: Path) -> None:
    shop, lens = Shop(mine / "shop"), mine / "shop.lens"
    prices = write_table(
        shop.folder / "prices.csv",
        [{"product_id": f"p0{n}", "Preis": f"{n},50 €"} for n in (1, 2, 99)],
    )
    done = run("update", lens, prices, code=1).stderr
    assert "price ← Preis." in done
    assert "Updated 2 products: price, currency." in done
    assert "lacks 1 product of the table, such as p099; the others were updated" in done
    product = open_collection(lens).get("p01")
    assert product is not None
    assert product.metadata == {"shade": "001", "price": "1.5", "currency": "EUR"}
    assert product.name == "Crème 01 rouge"
    some = write_table(
        shop.folder / "some.csv", [{"product_id": "p01", "image": "gallery/01.jpg", "name": "New"}]
    )
    done = run("add", lens, some).stderr
    assert (
        "Replacing 1 product as a whole: the table lacks brand, shade, currency, price, which "
        "they lose" in done
    )
    replaced = open_collection(lens).get("p01")
    assert replaced is not None
    assert (replaced.name, replaced.brand, replaced.metadata) == ("New", "", {})


def test_an_update_without_a_column_to_change_is_refused(mine: Path) -> None:
    ids = write_table(mine / "ids.csv", [{"product_id": "p01"}])
    said = run("update", mine / "shop.lens", ids, code=1).stderr
    assert "the table has no column to change, only product_id" in said


class StopError(Exception):
    """Ends a mirror that would go on for ever."""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as server:
        yield server


def test_a_feed_on_the_web_is_read_again_only_after_a_change(
    mine: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    shop, feeds, waits = Shop(mine / "shop"), [6, 6, 5, 2, 5], []
    conditions: list[str | None] = []

    def feed(handler: Handler) -> None:
        count = feeds[len(waits)]
        tag = f'"{count}"'
        conditions.append(handler.headers["If-None-Match"])
        if handler.headers["If-None-Match"] == tag:
            handler.begin(0, 304)
            return
        rows = catalogue_rows(count)
        for number, row in enumerate(rows):
            row["image"] = f"{number:02}.jpg"
        body = "".join(json.dumps(row) + "\n" for row in rows).encode()
        handler.give(body, ETag=tag)

    web.answers["feed"] = feed
    for number in range(6):
        picture = shop.picture(number).read_bytes()
        web.answers[f"{number:02}.jpg"] = lambda handler, picture=picture: handler.give(picture)
    address = f"http://127.0.0.1:{web.server_address[1]}/feed"
    lens = str(mine / "shop.lens")
    options = MirrorOptions(
        address, lens, read_recipe(mine / "fast.toml"), None, False, True, False, False
    )
    counts = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        counts.append(len(open_collection(lens)))
        if len(waits) == len(feeds):
            raise StopError

    def build(_: Catalogue) -> None:
        raise AssertionError("there is a collection")

    with pytest.raises(StopError):
        follow(options, 60, lambda: read_catalogue(address), build, wait)
    # The fourth feed lacks half of the products: nothing is removed, and the interval doubles.
    assert counts == [6, 6, 5, 5, 5]
    assert waits == [60, 60, 60, 120, 60]
    assert conditions == [None, None, '"6"', '"6"', None, '"5"', None, '"5"']
    said = capsys.readouterr().err
    assert "trying again in 120 s" in said
    assert said.count("Mirror: ") == 2


def test_the_interval_doubles_with_each_failure_up_to_eightfold() -> None:
    assert [next_wait(60, failures) for failures in range(6)] == [60, 120, 240, 480, 480, 480]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("15m", 900), ("1h", 3600), ("2 D", 172_800)]
)
def test_an_interval_has_a_unit(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "0", "1w", "-1h", "1h30m"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not an interval"):
        seconds_of(text)
