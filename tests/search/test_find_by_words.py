"""Look-up by words: products far outside the short-list join it, scored as the others are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from beautylens.arrays import UInt8
from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import RetrieveSettings
from beautylens.results import Matches
from beautylens.search.find_by_words import MOST_WORDS, FindByWords, tallest
from beautylens.search.outside import ScoreOutside
from beautylens.text.ocr import Line
from tests.conftest import Shop, catalogue_rows, write_table

NAMES = {"p07": ("Reine", "Reine Blanche"), "p09": ("Bourjois", "Fabuliner Noir 475")}


def line(text: str, height: float = 20.0) -> Line:
    corners = ((0.0, 0.0), (300.0, 0.0), (300.0, height), (0.0, height))
    return Line(text, 0.9, corners)


@pytest.fixture(scope="module")
def shallow(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The shop searched with a short-list of one picture, some products with names of their own."""
    rows = catalogue_rows(12)
    for row in rows:
        row["image"] = str(shop.folder / row["image"])
        row["brand"], row["name"] = NAMES.get(row["product_id"], (row["brand"], row["name"]))
    folder = tmp_path_factory.mktemp("shallow")
    recipe = read_recipe("default").model_copy(update={"retrieve": RetrieveSettings(depth=1)})
    table = write_table(folder / "t.csv", rows)
    return build(table, folder / "c.lens", recipe=recipe, read=False)[0]


def asked(
    collection: Collection, photo: Path | UInt8, *lines: Line, words: str = "", where: str = ""
) -> Query:
    """The query of a photo on which these lines are read."""
    pipeline = collection.parts.pipeline
    query = pipeline.describe(collection.photo(photo, words=words, where=where), 1)
    return replace(query, reader=lambda: lambda _: lines)


def evidence(query: Query, collection: Collection, *, to: str = "verify") -> Matches:
    pipeline = collection.parts.pipeline
    matches = pipeline.retrieve(query, Matches(query=query))
    return pipeline.verify(query, matches) if to == "verify" else matches


def step(collection: Collection, *, decided: bool = False) -> FindByWords:
    made = collection.parts.pipeline
    outside = ScoreOutside(collection.gallery, verify=made.verify)
    return FindByWords(collection.gallery.words, outside, products=5, decided=lambda _: decided)


def ids(matches: Matches) -> list[str]:
    return [match.product.product_id for match in matches]


def test_a_product_whose_words_are_read_joins_the_short_list(
    shallow: Collection, shop: Shop
) -> None:
    query = asked(shallow, shop.photo(0), line("REINE BLANCNE"))
    before = evidence(query, shallow)
    assert ids(before) == ["p00"]
    after = step(shallow)(query, before)
    assert set(ids(after)) == {"p00", "p07"}
    assert [match for match in after if match.product.product_id == "p00"] == list(before)


def test_an_added_product_has_the_evidence_that_the_short_list_has(
    shallow: Collection, shop: Shop
) -> None:
    found = step(shallow)(
        query := asked(shallow, shop.photo(0), line("fabuliner")), evidence(query, shallow)
    )
    (added,) = (match for match in found if match.product.product_id == "p09")
    alone = evidence(asked(shallow, shop.photo(0), where="product_id = 'p09'"), shallow)[0]
    assert added.reasons == alone.reasons
    assert added.score == pytest.approx(alone.score)
    assert added.geometry is not None


def test_a_decided_photo_is_not_read_but_typed_words_are_looked_up(
    shallow: Collection, shop: Shop
) -> None:
    query = asked(shallow, shop.photo(0), line("reine blanche"), words="fabulyner")
    found = step(shallow, decided=True)(query, evidence(query, shallow))
    assert set(ids(found)) == {"p00", "p09"}
    assert not query.was_read


def test_what_does_not_pass_the_filter_is_not_added(shallow: Collection, shop: Shop) -> None:
    query = asked(
        shallow, shop.photo(0), line("reine blanche"), words="475", where="brand <> 'Reine'"
    )
    assert set(ids(step(shallow)(query, evidence(query, shallow)))) == {"p00", "p09"}


def test_nothing_changes_where_no_word_is_known(shallow: Collection, shop: Shop) -> None:
    query = asked(shallow, shop.photo(0), line("qqqq 987"))
    before = evidence(query, shallow)
    assert step(shallow)(query, before) is before


def test_typed_words_find_a_product_far_outside_the_short_list(
    shallow: Collection, shop: Shop
) -> None:
    pipeline = shallow.parts.pipeline
    assert ids(pipeline.find_evidence(asked(shallow, shop.photo(0)))) == ["p00"]
    found = pipeline.find_evidence(asked(shallow, shop.photo(0), words="reine blanche"))
    (match,) = (match for match in found if match.product.product_id == "p07")
    assert match.reasons.typed == 1.0
    assert {"Reine", "Blanche"} <= set(match.reasons.words)


def test_a_pack_in_another_design_is_found_by_its_printed_name(shallow: Collection) -> None:
    scene = np.full((480, 640, 3), 235, np.uint8)
    cv2.putText(scene, "REINE BLANCHE", (40, 250), cv2.FONT_HERSHEY_DUPLEX, 2.0, (30, 30, 30), 4)
    found = shallow.search(scene, 12)
    assert "p07" in ids(found)


def test_the_tallest_lines_are_looked_up_and_small_text_is_not() -> None:
    small = [line(f"ingredient{number}", 5.0) for number in range(MOST_WORDS)]
    lines = tallest([*small, line("REINE & BLANCHE a 5", 40.0)])
    assert lines[0] == "reine blanche 5"
    assert sum(len(text.split()) for text in lines) == MOST_WORDS


def test_products_with_many_pictures_are_verified_by_the_nearest_few(
    shop: Shop, tmp_path: Path
) -> None:
    rows = [
        {"product_id": "many", "image": str(shop.picture(number)), "name": "Reine Blanche"}
        for number in range(6)
    ]
    rows.append({"product_id": "one", "image": str(shop.picture(8)), "name": "Cream"})
    table = write_table(tmp_path / "t.csv", rows)
    built = build(table, tmp_path / "c.lens", read=False)[0]
    query = asked(built, shop.photo(0), line("reine blanche"))
    alone = built.parts.pipeline.retrieve(
        query.filtered("product_id = 'one'"), Matches(query=query)
    )
    added = [m for m in step(built)(query, alone) if m.product.product_id == "many"]
    nearest = built.gallery.products.scored(["many"], query.descriptor)[:3]
    assert [match.image_id for match in added] == [match.image_id for match in nearest]


def test_a_photo_is_read_once_for_both_steps(shallow: Collection, shop: Shop) -> None:
    calls = []

    def reads(pixels: UInt8) -> tuple[Line, ...]:
        calls.append(pixels)
        return (line("reine blanche"),)

    described = asked(shallow, shop.photo(0))
    query = replace(described, photo=Photo(described.pixels), reader=lambda: reads)
    pipeline = shallow.parts.pipeline
    matches = step(shallow)(query, evidence(query, shallow))
    assert pipeline.read(query, matches).lines in ((line("reine blanche"),), ())
    assert len(calls) == 1
