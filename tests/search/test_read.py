"""Reading the pack: words, typed words and barcodes, against the products found."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.query import Photo
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import ReadSettings
from beautylens.results import Match, Matches, Product
from beautylens.sample.barcode import draw_barcode
from beautylens.search.read import CatalogueReader, Read, says_enough
from beautylens.text.ocr import Line
from tests.conftest import Shop, catalogue_rows, write_table

GTIN = "4006381333931"


def photo(words: str = "") -> Photo:
    return Photo(np.zeros((8, 8, 3), np.uint8), words=words)


def text_matches(*names: str) -> Matches:
    rows = (Match(n, Product(n, name=n), "", 0.5 - i / 100) for i, n in enumerate(names))
    return Matches(tuple(rows))


def names(matches: Matches) -> list[str]:
    return [match.product.name for match in matches]


class Seen:
    """A reader that always sees the same lines."""

    def __init__(self, *texts: str) -> None:
        self.lines = tuple(Line(text, 0.9, ((0, 0), (9, 0), (9, 3), (0, 3))) for text in texts)
        self.asked = 0

    def __call__(self, _picture: object = None) -> tuple[Line, ...]:
        self.asked += 1
        return self.lines


def test_a_rare_typed_word_weighs_more_than_a_common_one() -> None:
    matches = text_matches("velvet rouge 470", "velvet rouge 475", "satin 475", "velvet rouge 480")
    refined = Read()(photo("VELVET 475"), matches)
    assert names(refined)[:2] == ["velvet rouge 475", "satin 475"]
    assert set(refined[0].reasons.words) == {"velvet", "475"}


def test_without_words_or_with_strange_ones_the_order_stays() -> None:
    for words in ("", "  ", "!!!", "zzz"):
        assert names(Read()(photo(words), text_matches("a", "b", "c"))) == ["a", "b", "c"]


def test_words_on_the_pack_decide_between_packs_that_are_alike() -> None:
    seen = Seen("VELVET ROUGE", "475")
    matches = text_matches("velvet rouge 470", "velvet rouge 475")
    asked = photo()
    refined = Read(lambda: seen)(asked, matches)
    assert names(refined)[0] == "velvet rouge 475"
    assert [line.text for line in asked.lines] == ["VELVET ROUGE", "475"]
    assert {"read", "refine"} <= set(asked.milliseconds)
    assert refined[0].reasons.text is not None
    assert refined[1].reasons.text is not None
    assert refined[0].reasons.text > refined[1].reasons.text


def test_a_product_without_a_text_has_no_evidence_and_keeps_its_score() -> None:
    seen = Seen("VELVET ROUGE")
    matches = Matches(
        (Match("1", Product("1"), "", 0.5), Match("2", Product("2", "mint"), "", 0.4))
    )
    refined = Read(lambda: seen)(photo(), matches)
    assert [match.reasons.text for match in refined] == [None, 0.0]
    assert [match.score for match in refined] == [0.5, 0.4]


def test_typed_words_join_those_read() -> None:
    seen = Seen("VELVET")
    matches = text_matches("velvet rouge", "velvet nude")
    refined = Read(lambda: seen)(photo("nude"), matches)
    assert names(refined)[0] == "velvet nude"
    assert set(refined[0].reasons.words) == {"velvet", "nude"}


def test_ids_and_barcodes_are_found_by_typed_words_alone() -> None:
    matches = Matches(
        (Match("1", Product("x1", "a"), "", 0.5), Match("2", Product("dvd77", "b"), "", 0.5))
    )
    seen = Seen("DVD 77")
    read = Read(lambda: seen)(photo(), matches)
    assert names(read) == ["a", "b"]
    assert names(Read()(photo("dvd77"), matches)) == ["b", "a"]


def test_a_decided_search_is_not_read() -> None:
    seen = Seen("VELVET")
    read = Read(lambda: seen, decided=lambda _: True)
    assert names(read(photo(), text_matches("mint", "velvet"))) == ["mint", "velvet"]
    assert seen.asked == 0


@pytest.mark.parametrize(
    ("text", "enough"),
    [("", False), ("10443", False), ("SKU 10443", False), ("Dior Rouge 999", True)],
)
def test_a_number_is_no_telling_name(text: str, enough: bool) -> None:
    assert says_enough(text) is enough


def test_pictures_of_telling_products_are_left_unread() -> None:
    seen = Seen("VELVET", "475")
    picture = np.zeros((8, 8, 3), np.uint8)
    nameless = CatalogueReader(lambda: seen, nameless=True)
    assert nameless({"brand": "Dior", "name": "Rouge"}, picture) == ""
    assert nameless({"brand": "", "name": "SKU 1"}, picture) == "VELVET\n475"


@pytest.fixture(scope="module")
def reading(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The shop without names, its catalogue pictures read, barcodes spelled as shops do."""
    rows = catalogue_rows(6)
    for row in rows:
        row |= {"image": str(shop.folder / row["image"]), "name": "", "brand": "", "gtin": ""}
    rows[4]["gtin"] = "4-006381 333931"
    rows[5]["gtin"] = "4006381333932"
    folder = tmp_path_factory.mktemp("reading")
    words = ReadSettings(catalogue="nameless")
    recipe: Recipe = read_recipe("fast").model_copy(update={"words": words})
    return build(write_table(folder / "t.csv", rows), folder / "c.lens", recipe=recipe)[0]


def with_barcode(shop: Shop) -> np.ndarray:
    scene = cv2.cvtColor(cv2.imread(str(shop.photo(0))), cv2.COLOR_BGR2RGB)
    symbol = draw_barcode(GTIN, 3, 150)
    scene[-150:, -symbol.shape[1] :] = symbol
    return scene


def test_an_exact_barcode_wins_from_outside_the_short_list_and_says_so(
    reading: Collection, shop: Shop
) -> None:
    scene = with_barcode(shop)
    matches = reading.search(scene, 6)
    assert matches[0].product.product_id == "p04"
    assert matches[0].reasons.barcode == f"0{GTIN}"
    assert [match.reasons.barcode for match in matches[1:]] == [None] * 5
    assert matches[0].reasons.visual is not None


def test_a_barcode_does_not_break_through_the_filter(reading: Collection, shop: Shop) -> None:
    matches = reading.search(with_barcode(shop), where="product_id != 'p04'")
    assert "p04" not in {match.product.product_id for match in matches}
    assert all(match.reasons.barcode is None for match in matches)


def test_a_gtin_is_found_by_any_spelling_and_never_by_a_wrong_one(reading: Collection) -> None:
    query = np.zeros(reading.gallery.dimensions, np.float32)
    found = reading.gallery.with_gtin([f"0{GTIN}"], query)
    assert {match.product.product_id for match in found} == {"p04"}
    assert len(reading.gallery.with_gtin(["00036000291452"], query)) == 0


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
    query = np.zeros(gallery.dimensions, np.float32)
    found = gallery.with_gtin([f"0{GTIN}"], query)
    assert {match.product.product_id for match in found} == {"p01"}


def test_words_on_catalogue_pictures_stand_in_for_names(reading: Collection, shop: Shop) -> None:
    stored = reading.gallery.read_words(["p00", "p01"])
    assert set(stored) == {"p00", "p01"}
    best = reading.search(shop.photo(0))[0]
    assert best.product.product_id == "p00"
    assert best.reasons.text
    assert all(word in stored["p00"] for word in best.reasons.words)
    assert "read_words" not in best.product.metadata


def test_read_words_survive_an_added_product(
    reading: Collection, shop: Shop, tmp_path: Path
) -> None:
    rows = catalogue_rows(8)[7:]
    rows[0] |= {"image": str(shop.folder / rows[0]["image"]), "name": "Velvet Rouge", "gtin": ""}
    reading.add(write_table(tmp_path / "more.csv", rows))
    assert reading.gallery.read_words(["p07"]) == {}
    assert set(reading.gallery.read_words(["p00"])) == {"p00"}
