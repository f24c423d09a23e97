"""Barcodes: a product with the photo's joins the short-list, marked, and comes first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import zxingcpp

from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import ReadSettings
from beautylens.results import Matches
from beautylens.sample.barcode import draw_barcode
from beautylens.search.match_code import MatchCode
from beautylens.search.retrieve import nearest
from tests.conftest import Shop, catalogue_rows, write_table

GTIN = "4006381333931"


@pytest.fixture(scope="module")
def coded(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The shop with barcodes spelled as shops do."""
    rows = catalogue_rows(6)
    for row in rows:
        row |= {"image": str(shop.folder / row["image"]), "gtin": ""}
    rows[4]["gtin"] = "4-006381 333931"
    rows[5]["gtin"] = "4006381333932"
    folder = tmp_path_factory.mktemp("coded")
    read = ReadSettings(photo=False)
    recipe: Recipe = read_recipe("fast").model_copy(update={"read": read})
    return build(write_table(folder / "t.csv", rows), folder / "c.lens", recipe=recipe)[0]


def with_barcode(shop: Shop) -> np.ndarray:
    scene = cv2.cvtColor(cv2.imread(str(shop.photo(0))), cv2.COLOR_BGR2RGB)
    symbol = draw_barcode(GTIN, 3, 150)
    scene[-150:, -symbol.shape[1] :] = symbol
    return scene


def asked(shop: Shop, descriptor: np.ndarray, where: str | None = None) -> Query:
    return Query(Photo(with_barcode(shop), where), descriptor)


def test_matching_codes_changes_neither_order_nor_scores_of_what_was_found(
    coded: Collection, shop: Shop
) -> None:
    gallery = coded.gallery
    descriptor = gallery.rows.descriptors(["p00/" + str(shop.picture(0))])[0]
    query = asked(shop, descriptor)
    found = nearest(gallery, descriptor, 3, "product_id <> 'p04'")
    joined = MatchCode(gallery)(query, found)
    rows = [match for match in joined if match.product.product_id != "p04"]
    assert rows == list(found)
    (new,) = (match for match in joined if match.product.product_id == "p04")
    assert new.reasons.barcode == f"0{GTIN}"
    own = gallery.rows.descriptors([new.image_id])[0]
    assert new.score == new.reasons.visual == pytest.approx(float(own @ descriptor), abs=1e-6)
    assert joined.codes == (f"0{GTIN}",)


def test_a_product_that_was_found_already_is_marked_where_it_stands(
    coded: Collection, shop: Shop
) -> None:
    gallery = coded.gallery
    query = asked(shop, gallery.rows.descriptors(["p00/" + str(shop.picture(0))])[0])
    found = nearest(gallery, query.descriptor, 6)
    expected = [
        replace(match, reasons=replace(match.reasons, barcode=f"0{GTIN}"))
        if match.product.product_id == "p04"
        else match
        for match in found
    ]
    assert list(MatchCode(gallery)(query, found)) == expected


def test_a_photo_without_a_barcode_changes_nothing(coded: Collection, shop: Shop) -> None:
    query = Query(Photo(np.zeros((8, 8, 3), np.uint8)), np.zeros(2, np.float32))
    matches = Matches()
    assert MatchCode(coded.gallery)(query, matches) is matches


def test_an_exact_barcode_wins_from_outside_the_short_list_and_says_so(
    coded: Collection, shop: Shop
) -> None:
    scene = with_barcode(shop)
    matches = coded.search(scene, 6)
    assert matches[0].product.product_id == "p04"
    assert matches[0].reasons.barcode == f"0{GTIN}"
    assert [match.reasons.barcode for match in matches[1:]] == [None] * 5
    assert matches[0].reasons.visual is not None


def test_a_barcode_does_not_break_through_the_filter(coded: Collection, shop: Shop) -> None:
    matches = coded.search(with_barcode(shop), where="product_id != 'p04'")
    assert "p04" not in {match.product.product_id for match in matches}
    assert all(match.reasons.barcode is None for match in matches)


def test_a_gtin_is_found_by_any_spelling_and_never_by_a_wrong_one(coded: Collection) -> None:
    query = np.zeros(coded.gallery.rows.dimensions, np.float32)
    found = coded.gallery.products.with_gtin([f"0{GTIN}"], query)
    assert {match.product.product_id for match in found} == {"p04"}
    assert len(coded.gallery.products.with_gtin(["00036000291452"], query)) == 0


@pytest.mark.parametrize(
    "cell", [f"'{GTIN}", f"EAN: {GTIN}", f"{GTIN}.0", f"036000291452 / {GTIN}"]
)
def test_a_gtin_is_found_however_a_spreadsheet_wrote_it(
    shop: Shop, tmp_path: Path, cell: str
) -> None:
    rows = [row | {"gtin": ""} for row in catalogue_rows(3)]
    rows[1]["gtin"] = cell
    rows = [row | {"image": str(shop.folder / row["image"])} for row in rows]
    table = write_table(tmp_path / "table.csv", rows)
    gallery = build(table, tmp_path / "c.lens", recipe="fast")[0].gallery
    query = np.zeros(gallery.rows.dimensions, np.float32)
    found = gallery.products.with_gtin([f"0{GTIN}"], query)
    assert {match.product.product_id for match in found} == {"p01"}


def test_another_code_on_the_photo_contradicts_a_product(coded: Collection, shop: Shop) -> None:
    """p04 has the photo's code; p05 has no valid one; the others have none."""
    rows = coded.gallery.products.images("p04").rows
    other = replace(rows[0], product=replace(rows[0].product, gtin="5901234123457"))
    descriptor = coded.gallery.rows.descriptors([rows[0].image_id])[0]
    query = asked(shop, descriptor)
    (joined, *_) = (
        match
        for match in MatchCode(coded.gallery)(query, Matches((other,)))
        if match.product.gtin == "5901234123457"
    )
    assert joined.reasons.barcode is None
    assert joined.reasons.contradiction == 1.0
    (difference,) = joined.reasons.against
    assert (difference.kind, difference.box) == ("code", None)
    assert difference.photo.endswith(GTIN)
    assert difference.catalogue.endswith("5901234123457")
    plain = nearest(coded.gallery, descriptor, 6, "product_id IN ('p00', 'p05')")
    untouched = MatchCode(coded.gallery)(query, plain)
    assert all(m.reasons.contradiction is None for m in untouched if m.product.product_id != "p04")


def test_the_batch_and_expiry_that_a_square_code_says_are_told(
    coded: Collection, shop: Shop
) -> None:
    link = f"https://shop.example/01/{GTIN}/10/A1?17=270131"
    code = zxingcpp.create_barcode(link, zxingcpp.BarcodeFormat.QRCode)
    symbol = np.array(zxingcpp.write_barcode_to_image(code, scale=5, add_quiet_zones=True))
    photo = np.repeat(symbol[:, :, None], 3, axis=2)
    descriptor = coded.gallery.rows.descriptors(["p00/" + str(shop.picture(0))])[0]
    joined = MatchCode(coded.gallery)(Query(Photo(photo), descriptor), Matches())
    (match,) = joined
    said = match.reasons.to_dict()
    assert (said["barcode"], said["batch"], said["expiry"]) == (f"0{GTIN}", "A1", "2027-01-31")
