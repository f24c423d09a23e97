"""Products that share a picture, as the command lists them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from beautylens.evaluation.duplicates.duplicates import Group, agreement
from beautylens.evaluation.duplicates.page import write_duplicates_page
from beautylens.images.thumbnail import Thumbnail
from beautylens.results import Match, Product
from beautylens.store.columns import file_digest, vectors
from beautylens.store.gallery import Gallery
from tests.cli.test_cli import run
from tests.conftest import draw_pack

# Which products show what: their numbers are the packs drawn.
PICTURES = {
    "file-1": 0, "file-2": 0, "small-1": 1, "small-2": 1, "alone": 2,
    "soon-1": 3, "soon-2": 3, "soon-3": 3, "white": None, "grey": None,
}  # fmt: skip
NAMES = {
    "soon-1": "Rouge <b>475</b>", "soon-2": "Shampoo Mint", "soon-3": "Kohl", "file-1": "Day Cream",
    "file-2": "day cream",
}  # fmt: skip


def make_gallery(address: Path, pictures: dict[str, np.ndarray]) -> Path:
    """A gallery of RGB pictures by product; those drawn alike have one descriptor."""
    gallery = Gallery.create(address, dimensions=8, settings={}, thumbnails=True)
    files = {name: cv2.imencode(".jpg", picture)[1].tobytes() for name, picture in pictures.items()}
    numbers = [PICTURES[name] for name in pictures]
    columns = {
        "image_id": list(pictures), "product_id": list(pictures),
        "name": [NAMES.get(name, name) for name in pictures],
        "gtin": ["4006381333931" if name.startswith("file") else "" for name in pictures],
        "path": [str(address.parent / f"{name}.jpg") for name in pictures],
        "digest": [file_digest(file) for file in files.values()],
        "thumbnail": [Thumbnail.of(picture, 640).to_jpeg() for picture in pictures.values()],
        "thumbnail_scale": [1.0] * len(pictures), "keypoints": [b""] * len(pictures),
        "descriptor": vectors(np.eye(8, dtype=np.float32)[[n or 7 for n in numbers]]),
    }  # fmt: skip
    if pictures:
        gallery.upsert(pa.table(columns))
    for name, file in files.items():
        (address.parent / f"{name}.jpg").write_bytes(file)
    return address


def picture(name: str, number: int | None) -> np.ndarray:
    if number is None:
        return np.full((300, 300, 3), 255 if name == "white" else 120, np.uint8)
    pack = draw_pack(number)
    area = cv2.INTER_AREA
    return cv2.resize(pack, None, fx=0.6, fy=0.6, interpolation=area) if name == "small-2" else pack


@pytest.fixture(scope="module")
def lens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with every kind of group; some of its pictures are gone from the disk."""
    folder = tmp_path_factory.mktemp("duplicates")
    drawn = {name: picture(name, number) for name, number in PICTURES.items()}
    address = make_gallery(folder / "shop.lens", drawn)
    for name in ("file-1", "small-2", "soon-2"):
        (folder / f"{name}.jpg").unlink()
    return address


def test_each_kind_of_group_is_listed_although_pictures_went_missing(
    lens: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "out.csv", tmp_path / "page.html"
    done = run("duplicates", lens, "--csv", out, "--html", page)
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kinds = {row["product_id"]: row["kind"] for row in rows}
    assert kinds == {
        "file-1": "same file", "file-2": "same file",
        "small-1": "same picture", "small-2": "same picture",
        "soon-1": "placeholder", "soon-2": "placeholder", "soon-3": "placeholder",
        "white": "blank", "grey": "blank",
    }  # fmt: skip
    same = {row["product_id"]: (row["same_name"], row["same_gtin"]) for row in rows}
    assert same["file-1"] == ("yes", "yes")
    assert same["small-1"] == ("no", "")
    assert "4 groups, 9 products (" in done.stderr
    assert done.stdout == ""
    html = page.read_text("utf-8")
    assert "Rouge &lt;b&gt;475&lt;/b&gt;" in html
    assert html.count("data:image/jpeg") == len(rows)
    assert "http" not in html.replace("http-equiv", "")


@pytest.mark.parametrize("products", [[], ["alone"]])
def test_a_shop_of_one_product_or_none_has_nothing_to_list(
    products: list[str], tmp_path: Path
) -> None:
    drawn = {name: picture(name, PICTURES[name]) for name in products}
    out = tmp_path / "out.csv"
    done = run("duplicates", make_gallery(tmp_path / "small.lens", drawn), "--csv", out)
    assert "No two products share" in done.stderr
    assert len(out.read_text("utf-8").splitlines()) == 1


def test_no_collection_and_no_place_to_write_are_one_sentence(lens: Path, tmp_path: Path) -> None:
    assert "there is no collection" in run("duplicates", tmp_path / "none", code=1).stderr
    done = run("duplicates", lens, "--csv", tmp_path / "no" / "out.csv", code=1)
    assert "out.csv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def match(product_id: str, **fields: str) -> Match:
    product = Product(product_id, **fields)
    return Match(product_id, product, f"{product_id}.jpg", 0.0)


def test_names_and_gtins_agree_however_they_are_written() -> None:
    one = match("1", name="Crème, 50 ml", gtin="036000291452")
    other = match("2", name="creme 50 ML", gtin="36000291452")
    third = match("3", name="Creme 30 ml")
    group = Group("same file", (one, other, third))
    assert agreement(group, one.product) == {"same_name": True, "same_gtin": True}
    assert agreement(group, third.product) == {"same_name": False, "same_gtin": None}


def test_a_page_names_pictures_that_are_gone(lens: Path, tmp_path: Path) -> None:
    group = Group("same file", (match("1"), match("2")))
    write_duplicates_page(tmp_path / "page.html", "shop", [group], Gallery(lens))
    assert tmp_path.joinpath("page.html").read_text("utf-8").count("no readable picture") == 2
