"""From an export to a catalogue table, and to a benchmark that does not ask what it has shown."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from beautylens.catalogue.datasets.open_beauty_facts.dataset import (
    Fetched,
    fetch_open_beauty_facts,
    half_of,
    obtain_export,
)
from beautylens.catalogue.datasets.open_beauty_facts.tags import Filters
from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.errors import DownloadError, TableError
from tests.catalogue.beauty import (
    CREAM,
    SHORT,
    SOAP,
    new_images,
    photo,
    product,
    selected,
    write_json_lines,
    write_parquet,
    write_tabs,
)
from tests.catalogue.fetching import QUICK
from tests.catalogue.web import PICTURE, Handler, Web

NAMES = ("1", "2", "3", "front_fr.12", "front_en.4")
PAGE = "https://world.openbeautyfacts.org/product/"
LICENCE = "CC BY-SA 3.0"


def give(handler: Handler) -> None:
    """Answer with a picture behind whose end stands where it is from."""
    handler.give(PICTURE + handler.path.encode())


@pytest.fixture
def shop(web: Web) -> Web:
    """Serves the pictures of every product, no two of them the same."""
    web.answers |= {f"{name}.400.jpg": give for name in NAMES}
    return web


def fetch(web: Web, export: Path, folder: Path, **options: object) -> Fetched:
    given = {"pictures_at": web.url("images"), "manners": QUICK} | options
    return fetch_open_beauty_facts(export, folder, **given)  # type: ignore[arg-type]  # as given


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SOAPS = {
    "product_name": "Savon 100g", "quantity": "100 g", "brands": "", "brands_tags": ["xx:le-petit"],
    "categories_tags": ["en:soaps", "en:open-beauty-facts"], "countries_tags": ["en:spain"],
    "lang": "en", "images": {"1": photo("dora"), "front_en": selected(1, 4)},
}  # fmt: skip


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_parquet, "b.parquet"), (write_json_lines, "b.jsonl"), (write_json_lines, "b.jsonl.gz")],
)
def test_an_export_becomes_a_catalogue_table(
    shop: Web, tmp_path: Path, write: Callable[..., Path], name: str
) -> None:
    export = write(tmp_path / name, [product(), product(SOAP, **SOAPS)])
    out = tmp_path / "out"
    done = fetch(shop, export, out)
    assert (done.products, done.downloaded.fetched, dict(done.left_out)) == (2, 2, {})
    cream, soap = rows(out / "catalogue.csv")
    assert cream | {"image": ""} == {
        "product_id": CREAM, "image": "", "name": "Crème de jour 50 ml", "brand": "L'Oréal Paris",
        "category": "Day creams", "gtin": CREAM, "uploader": "anna", "licence": LICENCE,
        "source": PAGE + CREAM,
    }  # fmt: skip
    assert soap | {"image": ""} == {
        "product_id": SOAP, "image": "", "name": "Savon 100g", "brand": "Le petit",
        "category": "Soaps", "gtin": SOAP, "uploader": "dora", "licence": LICENCE,
        "source": PAGE + SOAP,
    }  # fmt: skip
    address = "/images/360/055/096/4707/front_fr.12.400.jpg"
    assert (out / cream["image"]).read_bytes() == PICTURE + address.encode()
    catalogue = read_catalogue(out / "catalogue.csv")
    assert catalogue.extra == ("uploader", "licence", "source")
    notice = (out / "LICENCE.txt").read_text("utf-8")
    for licence in ("odbl/1.0", "dbcl/1.0", "by-sa/3.0"):
        assert licence in notice
    assert done.photos == {}
    assert not list(out.glob("truth*"))


def test_text_between_tabs_gives_the_same_table_without_uploaders(
    shop: Web, tmp_path: Path
) -> None:
    named = product(image_url=shop.url("images/front_fr.12.400.jpg"))
    out = tmp_path / "out"
    fetch(shop, write_tabs(tmp_path / "b.csv.gz", [named]), out)
    (row,) = rows(out / "catalogue.csv")
    assert (row["name"], row["gtin"], row["uploader"]) == ("Crème de jour 50 ml", CREAM, "")
    with pytest.raises(TableError, match="a benchmark needs the other photos; give the Parquet"):
        fetch(shop, tmp_path / "b.csv.gz", out, benchmark=True)


def test_products_that_cannot_be_taken_are_counted_by_the_reason(shop: Web, tmp_path: Path) -> None:
    export = write_json_lines(
        tmp_path / "b.jsonl",
        [
            product(), product(""), product("360055096470X"), product("²"), product(CREAM),
            product(SOAP, obsolete="on"), product(SOAP, images={}), product("../../etc"),
            product("1" * 300),
            product(SOAP, countries_tags=["en:spain"]), {"product_name": "No code"},
        ],
    )  # fmt: skip
    done = fetch(shop, export, tmp_path / "out", filters=Filters("France"))
    assert done.products == 1
    assert dict(done.left_out) == {
        "without a code": 2, "with a code that is no number": 4, "with a code that came before": 1,
        "obsolete": 1, "without a picture": 1, "not asked for": 1,
    }  # fmt: skip


def test_a_code_whose_check_digit_is_wrong_is_a_product_without_gtin(
    shop: Web, tmp_path: Path
) -> None:
    codes = ["3600550964708", SHORT, "200000000001"]
    export = write_parquet(tmp_path / "b.parquet", [product(code) for code in codes])
    fetch(shop, export, tmp_path / "out")
    # 9x3+6+1x3+3+2x3+2+8x3 = 71 wants a 9; 2x3 = 6 wants a 4.
    assert [(row["product_id"], row["gtin"]) for row in rows(tmp_path / "out/catalogue.csv")] == [
        ("3600550964708", ""), (SHORT, SHORT), ("200000000001", ""),
    ]  # fmt: skip


def test_a_limit_counts_the_products_that_are_wanted(shop: Web, tmp_path: Path) -> None:
    codes = [f"{n}" for n in range(100, 108)]
    products = [product(code, brands_tags=["xx:a" if int(code) % 2 else "b"]) for code in codes]
    export = write_parquet(tmp_path / "b.parquet", products)
    fetch(shop, export, tmp_path / "out", filters=Filters(brand="A"), limit=2)
    assert [row["product_id"] for row in rows(tmp_path / "out/catalogue.csv")] == ["101", "103"]


def test_where_no_product_is_left_nothing_is_fetched_or_written(shop: Web, tmp_path: Path) -> None:
    export = write_parquet(tmp_path / "b.parquet", [product(), product(SOAP, obsolete="on")])
    wish = Filters(category="Day cream")
    with pytest.raises(TableError, match=re.escape(f"{export} has no product to take (")) as error:
        fetch(shop, export, tmp_path / "out", filters=wish)
    assert str(error.value).endswith(
        "(1 not asked for, 1 obsolete); no product has the category 'day-cream'; "
        "is 'day-creams' or 'face-creams' meant?"
    )
    with pytest.raises(TableError, match=re.escape("(none at all); give another export")):
        fetch(shop, write_parquet(tmp_path / "empty.parquet", []), tmp_path / "out")
    assert not shop.asked
    assert not (tmp_path / "out").exists()


def test_short_codes_are_asked_at_their_old_address_too(shop: Web, tmp_path: Path) -> None:
    def moved(handler: Handler) -> None:
        handler.give(*((b"", 404) if "/000/" in handler.path else (PICTURE,)))

    shop.answers["front_fr.12.400.jpg"] = moved
    export = write_parquet(tmp_path / "b.parquet", [product(SHORT)])
    assert fetch(shop, export, tmp_path / "out").products == 1
    assert dict(shop.asked) == {
        "/images/000/009/613/2289/front_fr.12.400.jpg": 1,
        f"/images/{SHORT}/front_fr.12.400.jpg": 1,
    }


def truths(folder: Path) -> dict[str, dict[str, str]]:
    """The queries of both halves: the product and kind of each, by the name of its photo."""
    found = {}
    for half in ("dev", "test"):
        for row in rows(folder / f"truth_{half}.csv"):
            assert half_of(row["product_ids"]) == half
            found[Path(row["image"]).stem] = row
    return found


@pytest.mark.parametrize("change", [dict, new_images])
def test_a_benchmark_asks_for_photos_that_the_catalogue_does_not_show(
    shop: Web, tmp_path: Path, change: Callable[[Mapping[str, object]], object]
) -> None:
    cream, soap = product(), product(SOAP, images={"1": photo(), "2": photo("berta")})
    for one in (cream, soap):
        one["images"] = change(one["images"])
    export = write_json_lines(tmp_path / "b.jsonl", [cream, soap])
    out = tmp_path / "out"
    done = fetch(shop, export, out, benchmark=True)
    found = truths(out)
    assert {name: (row["product_ids"], row["kind"], row["uploader"], row["licence"])
            for name, row in found.items()} == {
        f"{CREAM}_2": (CREAM, "ingredients", "berta", LICENCE),
        f"{CREAM}_3": (CREAM, "other", "clara", LICENCE),
        f"{SOAP}_2": (SOAP, "other", "berta", LICENCE),
    }  # fmt: skip
    # Neither the photo that the cream's front was cut from, nor the soap's own catalogue picture.
    asked = {path.removeprefix("/images/") for path in shop.asked}
    assert asked == {
        "360/055/096/4707/front_fr.12.400.jpg", "360/055/096/4707/2.400.jpg",
        "360/055/096/4707/3.400.jpg", "400/580/881/1120/1.400.jpg", "400/580/881/1120/2.400.jpg",
    }  # fmt: skip
    assert {path.name: count for path, count in done.photos.items()} == {
        f"truth_{half}.csv": sum(half_of(row["product_ids"]) == half for row in found.values())
        for half in ("dev", "test")
    }
    for path in done.photos:
        for truth in read_truth(path) if done.photos[path] else ():
            assert truth.image.read_bytes().startswith(PICTURE)


def test_the_halves_are_told_by_the_code_alone() -> None:
    codes = [str(10**12 + n) for n in range(1000)]
    first = "01234567"
    assert [half_of(code) for code in codes] == [
        "dev" if hashlib.sha256(code.encode()).hexdigest()[0] in first else "test"
        for code in codes
    ]  # fmt: skip
    assert 450 < sum(half_of(code) == "dev" for code in codes) < 550


def test_a_photo_of_a_product_whose_front_is_gone_is_no_query(shop: Web, tmp_path: Path) -> None:
    shop.answers["front_fr.12.400.jpg"] = shop.answers["404"]
    shop.answers["2.400.jpg"] = shop.answers["500"]
    soap = product(SOAP, **SOAPS | {"images": SOAPS["images"] | {"2": photo(), "3": photo()}})
    export = write_parquet(tmp_path / "b.parquet", [product(), soap])
    out = tmp_path / "out"
    done = fetch(shop, export, out, benchmark=True, manners=replace(QUICK, retries=0))
    assert [row["product_id"] for row in rows(out / "catalogue.csv")] == [SOAP]
    assert list(truths(out)) == [f"{SOAP}_3"]
    dead = {row["id"]: row["reason"] for row in rows(done.downloaded.report)}
    assert dead == {
        f"{CREAM}_front_fr_12": "answers 404 Not Found",
        f"{CREAM}_2": "for now: answers 500 Internal Server Error",
        f"{SOAP}_2": "for now: answers 500 Internal Server Error",
    }


def test_a_photo_that_the_catalogue_shows_of_any_product_is_no_query(
    shop: Web, tmp_path: Path
) -> None:
    photos = {"1": photo(), "2": photo(), "3": photo()}
    products = [product(images=photos), product(SOAP, images=photos)]

    def moved(handler: Handler) -> None:
        """The cream's second photo had been uploaded as the first of the soap."""
        handler.give(PICTURE if f"/{SOAP[-4:]}/1." in handler.path else PICTURE + b"cream")

    def same(handler: Handler) -> None:
        handler.give(PICTURE if f"/{CREAM[-4:]}/" in handler.path else PICTURE + b"soap")

    shop.answers |= {"1.400.jpg": moved, "2.400.jpg": same}
    out = tmp_path / "out"
    fetch(shop, write_parquet(tmp_path / "b.parquet", products), out, benchmark=True)
    assert set(truths(out)) == {f"{CREAM}_3", f"{SOAP}_2", f"{SOAP}_3"}


def test_a_fetch_that_was_stopped_goes_on_where_it_was(shop: Web, tmp_path: Path) -> None:
    codes = [f"{n}" for n in range(100, 110)]
    export = write_parquet(tmp_path / "b.parquet", [product(code) for code in codes])
    out = tmp_path / "out"

    def stop(done: int, *_: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(shop, export, out, progress=stop)
    assert not (out / "catalogue.csv").exists()
    done = fetch(shop, export, out)
    assert (done.products, done.downloaded.fetched + done.downloaded.present) == (10, 10)
    assert done.downloaded.present >= 4
    # The one that was on its way at the interrupt may have been asked for twice.
    assert sum(shop.asked.values()) <= len(codes) + 1


def test_a_front_that_was_cut_anew_is_fetched_anew(shop: Web, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fetch(shop, write_parquet(tmp_path / "b.parquet", [product()]), out, benchmark=True)
    later = product(images={"1": photo(), "2": photo(), "front_en": selected(2, 4)})
    fetch(shop, write_parquet(tmp_path / "b.parquet", [later]), out, benchmark=True)
    (row,) = rows(out / "catalogue.csv")
    assert Path(row["image"]).stem == f"{CREAM}_front_en_4"
    assert list(truths(out)) == [f"{CREAM}_1"]


def test_an_export_with_an_address_is_fetched_once_and_kept(shop: Web, tmp_path: Path) -> None:
    content = write_parquet(tmp_path / "b.parquet", [product()]).read_bytes()
    shop.answers["beauty.parquet?download=true"] = lambda handler: handler.give(content)
    out, address = tmp_path / "out", shop.url("main/beauty.parquet?download=true")
    for _ in range(2):
        path = obtain_export(address, out, manners=QUICK)
        assert path == out / "beauty.parquet"
    assert path.read_bytes() == content
    assert sum(shop.asked.values()) == 1
    assert obtain_export("own.jsonl", out) == Path("own.jsonl")


def test_an_address_that_names_no_export_is_not_asked(shop: Web, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is no export of Open Beauty Facts"):
        obtain_export(shop.url("ok"), tmp_path, manners=QUICK)
    assert not shop.asked
    shop.answers["beauty.parquet"] = shop.answers["404"]
    with pytest.raises(DownloadError, match="answers 404 Not Found"):
        obtain_export(shop.url("beauty.parquet"), tmp_path, manners=QUICK)


def test_a_table_that_something_else_made_is_not_overwritten(shop: Web, tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_text("product_id,image\n")
    export = write_parquet(tmp_path / "b.parquet", [product()])
    with pytest.raises(TableError, match="is not from this command; name another folder"):
        fetch(shop, export, tmp_path)
    assert not shop.asked
