"""The sample catalogue: its plan, its truth, and what is drawn of a small part of it."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from beautylens.errors import TableError
from beautylens.sample import draw_plan, plan_sample, write_sample_catalogue
from beautylens.sample.barcode import modules
from beautylens.sample.forms import FORMS, draw_product
from beautylens.sample.lines import read_lines
from beautylens.sample.plan import SampleProduct
from beautylens.sample.stage import Stage, View

PLAN = plan_sample(2026)
LISTED = {product.product_id: product for product in PLAN.products}
SHADED_FORMS = sorted({line.form for line in read_lines() if line.differ == "shade"})


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the first products and photos of the sample."""
    folder = tmp_path_factory.mktemp("sample")
    draw_plan(PLAN.first(16, 3), folder)
    return folder


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def sisters(product: SampleProduct) -> list[SampleProduct]:
    return [other for other in PLAN.products if other.line == product.line]


def slow_check_digit(twelve: str) -> int:
    """GS1: from the right, weights 3, 1, 3, ...; what is missing to the next ten."""
    weighted = [
        int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(twelve[::-1])
    ]
    total, digit = sum(weighted), 0
    while (total + digit) % 10:
        digit += 1
    return digit


def test_the_plan_holds_two_hundred_products_of_a_dozen_brands_and_forty_photos() -> None:
    assert len(PLAN.products) >= 200
    assert len({product.pack.brand.name for product in PLAN.products}) >= 12
    assert {product.line.form for product in PLAN.products} == set(FORMS)
    assert len(PLAN.queries) == 40


@pytest.mark.parametrize("seed", [0, 1, 2026])
def test_thirty_four_photos_show_listed_products_and_six_show_absent_ones(seed: int) -> None:
    plan = plan_sample(seed)
    kinds = Counter(query.kind for query in plan.queries)
    assert kinds["absent"] == 6
    assert set(kinds) <= {"absent", "photo", "shade", "barcode"}
    assert sum(bool(query.product_ids) for query in plan.queries) == 34


def test_the_same_seed_plans_the_same_and_another_seed_plans_otherwise() -> None:
    assert plan_sample(7) == plan_sample(7)
    assert plan_sample(7) != plan_sample(8)


def test_no_two_products_share_an_id_a_name_within_a_brand_or_a_gtin() -> None:
    for facts in (
        [product.product_id for product in PLAN.products],
        [product.pack.gtin for product in PLAN.products],
        [(product.pack.brand.name, product.name) for product in PLAN.products],
    ):
        assert len(set(facts)) == len(facts)


def test_gtins_are_thirteen_digits_of_the_in_store_range_with_a_right_check_digit() -> None:
    for product in PLAN.products:
        gtin = product.pack.gtin
        assert len(gtin) == 13
        assert 200 <= int(gtin[:3]) <= 299
        assert int(gtin[12]) == slow_check_digit(gtin[:12])


def test_the_published_example_number_has_its_published_check_digit() -> None:
    assert slow_check_digit("629104150021") == 3  # GS1's own worked example


def test_truth_names_listed_products_or_nothing_when_the_product_is_absent() -> None:
    for query in PLAN.queries:
        assert set(query.product_ids) <= set(LISTED)
        assert set(query.ignore_ids) <= set(LISTED)
        if query.kind == "absent":
            assert query.product_ids == ()
        else:
            assert query.product_ids == (query.product.product_id,)


def test_absent_products_are_not_in_the_catalogue_under_any_name() -> None:
    numbers = {product.pack.gtin for product in PLAN.products}
    names = {(product.pack.brand.name, product.name) for product in PLAN.products}
    for query in PLAN.queries:
        if query.kind == "absent":
            assert query.product.product_id not in LISTED
            assert query.product.pack.gtin not in numbers
            assert (query.product.pack.brand.name, query.product.name) not in names


def test_a_held_out_shade_ignores_just_its_sisters_and_a_stranger_has_none() -> None:
    absent = [query for query in PLAN.queries if query.kind == "absent"]
    for query in absent:
        expected = {product.product_id for product in sisters(query.product)}
        assert set(query.ignore_ids) == expected
    assert sum(bool(query.ignore_ids) for query in absent) == 4


def test_no_query_is_taken_from_the_studio_s_own_place() -> None:
    for query in PLAN.queries:
        assert not query.view.shadow
        assert query.view.back or query.view.yaw != 0


def test_lines_come_in_three_to_six_shades_and_others_in_sizes_and_one_word_variants() -> None:
    widths = [len(line.versions) for line in read_lines() if line.differ == "shade"]
    assert sum(3 <= width <= 6 for width in widths) >= 0.9 * len(widths)
    assert {line.differ for line in read_lines()} == {"shade", "size", "variant"}
    words = {product.pack.shade for product in PLAN.products}
    assert {"Day", "Night"} <= words


@pytest.mark.parametrize("form", SHADED_FORMS)
def test_shades_of_a_line_differ_in_pixels_while_their_shapes_agree(form: str) -> None:
    first = next(product for product in PLAN.products if product.line.form == form)
    shades = sisters(first)[:2]
    stages = [Stage(View()) for _ in shades]
    for stage, product in zip(stages, shades, strict=True):
        FORMS[form](stage, product.pack)
    np.testing.assert_array_equal(stages[0].cover, stages[1].cover)
    changed = (stages[0].picture() != stages[1].picture()).any(axis=2)
    assert 0.0005 < changed.mean() < 0.5


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_stands_clear_of_the_frame_on_white(form: str) -> None:
    product = next(product for product in PLAN.products if product.line.form == form)
    picture = draw_product(form, product.pack)
    assert picture.shape == (640, 640, 3)
    assert picture.dtype == np.uint8
    frame = np.concatenate([picture[:6].ravel(), picture[-6:].ravel(), picture[:, :6].ravel()])
    assert frame.min() > 235
    assert (picture.min(axis=2) < 235).mean() > 0.03


def test_drawing_again_writes_the_same_bytes(drawn: Path, tmp_path: Path) -> None:
    draw_plan(PLAN.first(4, 3), tmp_path)
    again = list(tmp_path.rglob("*.jpg"))
    assert len(again) >= 7
    for path in again:
        assert path.read_bytes() == (drawn / path.relative_to(tmp_path)).read_bytes()
    assert (tmp_path / "truth.csv").read_bytes() == (drawn / "truth.csv").read_bytes()


def test_tables_name_pictures_that_exist(drawn: Path) -> None:
    catalogue, truth = rows_of(drawn / "catalogue.csv"), rows_of(drawn / "truth.csv")
    columns = ["product_id", "image", "name", "brand", "category", "gtin", "shade", "size"]
    assert list(catalogue[0]) == columns
    assert list(truth[0]) == ["image", "product_ids", "ignore_ids", "kind"]
    named = [image for row in catalogue + truth for image in row["image"].split(";")]
    on_disk = {str(path.relative_to(drawn)) for path in drawn.rglob("*.jpg")}
    assert set(named) == on_disk
    assert len(named) == len(on_disk)


def test_some_products_join_their_images_in_a_cell_and_some_take_several_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blank = np.full((8, 8, 3), 255, np.uint8)
    monkeypatch.setattr("beautylens.sample.write.draw_product", lambda *_: blank)
    rows = rows_of(draw_plan(PLAN.first(len(PLAN.products), 0), tmp_path).catalogue)
    repeated = Counter(row["product_id"] for row in rows)
    assert set(repeated) == set(LISTED)
    assert sum(count > 1 for count in repeated.values()) >= 5
    assert sum(";" in row["image"] for row in rows) >= 5


def test_a_photo_is_not_the_gallery_picture_on_white(drawn: Path) -> None:
    for path in sorted((drawn / "queries").iterdir()):
        photo = cv2.imread(str(path))
        border = np.concatenate([photo[0], photo[-1], photo[:, 0], photo[:, -1]])
        assert (border.min(axis=1) > 235).mean() < 0.5


def test_the_bars_drawn_spell_the_number() -> None:
    # The symbol of 4006381333931, the worked example of many an EAN-13 description.
    assert modules("4006381333931") == (
        "101" "0001101" "0100111" "0101111" "0111101" "0001001" "0110011"
        "01010" "1000010" "1000010" "1000010" "1110100" "1000010" "1100110" "101"
    )  # fmt: skip


def test_a_real_decoder_reads_the_barcode_on_every_carton() -> None:
    cartons = [product for product in PLAN.products if product.line.form == "carton"]
    assert len(cartons) >= 5
    for product in cartons:
        back = draw_product("carton", product.pack, product.views[1])
        text, *_ = cv2.barcode.BarcodeDetector().detectAndDecode(back)
        assert text == product.pack.gtin


def test_progress_counts_every_product_and_photo(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    draw_plan(PLAN.first(2, 1), tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "taken"
    occupied.write_text("a file")
    with pytest.raises(TableError, match="taken"):
        write_sample_catalogue(occupied)
