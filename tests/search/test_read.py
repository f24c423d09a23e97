"""Reading the pack: words on it and words typed, against the products of the short-list."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from beautylens.collection import Collection
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import ReadSettings
from beautylens.results import Match, Matches, Product
from beautylens.search.judge.scorer import PlainScorer, cosine
from beautylens.search.read import ReadPack
from beautylens.text.ocr import Line
from tests.conftest import Shop, catalogue_rows, write_table

rank = PlainScorer(cosine)


class Seen:
    """A reader that always sees the same lines."""

    def __init__(self, *texts: str) -> None:
        self.lines = tuple(Line(text, 0.9, ((0, 0), (9, 0), (9, 3), (0, 3))) for text in texts)
        self.asked = 0

    def __call__(self, _picture: object = None) -> tuple[Line, ...]:
        self.asked += 1
        return self.lines


def asked(words: str = "", seen: Seen | None = None) -> Query:
    photo = Photo(np.zeros((8, 8, 3), np.uint8), words=words)
    reader = seen or Seen()
    return Query(photo, np.zeros(2, np.float32), reader=lambda: reader)


def text_matches(*names: str) -> Matches:
    rows = (Match(n, Product(n, name=n), "", 0.5 - i / 100) for i, n in enumerate(names))
    return Matches(tuple(rows))


def names(matches: Matches) -> list[str]:
    return [match.product.name for match in matches]


@pytest.mark.parametrize("words", ["", "VELVET 475"])
@pytest.mark.parametrize("seen", [Seen(), Seen("satin", "480")])
def test_reading_changes_neither_order_nor_scores(words: str, seen: Seen) -> None:
    matches = text_matches("velvet rouge 470", "velvet rouge 475", "satin 480")
    read = ReadPack()(asked(words, seen), matches)
    assert [(m.image_id, m.score) for m in read] == [(m.image_id, m.score) for m in matches]


def test_a_rare_typed_word_weighs_more_than_a_common_one() -> None:
    matches = text_matches("velvet rouge 470", "velvet rouge 475", "satin 475", "velvet rouge 480")
    ranked = rank(ReadPack()(asked("VELVET 475"), matches))
    assert names(ranked)[:2] == ["velvet rouge 475", "satin 475"]
    assert set(ranked[0].reasons.words) == {"velvet", "475"}


def test_typed_words_count_by_their_share_of_what_the_best_product_has() -> None:
    matches = text_matches("velvet rouge 470", "velvet rouge 475", "satin 475", "mint")
    found = {m.product.name: m.reasons.typed for m in ReadPack()(asked("velvet 475"), matches)}
    velvet = number = math.log(1 + 4 / (1 + 2))
    most = velvet + number
    assert found == pytest.approx(
        {"velvet rouge 475": 1, "velvet rouge 470": velvet / most, "satin 475": number / most,
         "mint": 0}
    )  # fmt: skip


def test_without_words_or_with_strange_ones_the_order_stays() -> None:
    for words in ("", "  ", "!!!", "zzz"):
        ranked = rank(ReadPack()(asked(words), text_matches("a", "b", "c")))
        assert names(ranked) == ["a", "b", "c"]
        assert [m.score for m in ranked] == [0.5, 0.49, 0.48]


def test_words_on_the_pack_decide_between_packs_that_are_alike() -> None:
    query = asked(seen=Seen("VELVET ROUGE", "475"))
    read = ReadPack()(query, text_matches("velvet rouge 470", "velvet rouge 475"))
    assert [line.text for line in read.lines] == ["VELVET ROUGE", "475"]
    ranked = rank(read)
    assert names(ranked)[0] == "velvet rouge 475"
    assert ranked[0].reasons.text is not None
    assert ranked[1].reasons.text is not None
    assert ranked[0].reasons.text > ranked[1].reasons.text


def test_a_product_without_a_text_has_no_evidence_and_keeps_its_score() -> None:
    matches = Matches(
        (Match("1", Product("1"), "", 0.5), Match("2", Product("2", "mint"), "", 0.4))
    )
    ranked = rank(ReadPack()(asked(seen=Seen("VELVET ROUGE")), matches))
    assert [match.reasons.text for match in ranked] == [None, 0.0]
    assert [match.score for match in ranked] == [0.5, 0.4]


def test_typed_words_join_those_read() -> None:
    matches = text_matches("velvet rouge", "velvet nude")
    ranked = rank(ReadPack()(asked("nude", Seen("VELVET")), matches))
    assert names(ranked)[0] == "velvet nude"
    assert set(ranked[0].reasons.words) == {"velvet", "nude"}


def test_ids_are_found_by_typed_words_alone() -> None:
    matches = Matches(
        (Match("1", Product("x1", "a"), "", 0.5), Match("2", Product("dvd77", "b"), "", 0.5))
    )
    assert names(rank(ReadPack()(asked(seen=Seen("DVD 77")), matches))) == ["a", "b"]
    assert names(rank(ReadPack()(asked("dvd77"), matches))) == ["b", "a"]


@pytest.mark.parametrize(
    "step",
    [lambda: ReadPack(decided=lambda _: True), lambda: ReadPack(photo=False)],
    ids=["decided", "typed words only"],
)
def test_a_photo_that_need_not_be_read_is_not_read(step: Callable[[], ReadPack]) -> None:
    seen, matches = Seen("VELVET"), text_matches("mint", "velvet")
    assert step()(asked(seen=seen), matches) == matches
    typed = step()(asked("velvet", seen), matches)
    assert typed.lines == ()
    assert names(rank(typed)) == ["velvet", "mint"]
    assert [match.reasons.text for match in typed] == [None, None]
    assert seen.asked == 0


def test_nothing_found_is_not_read() -> None:
    seen = Seen("VELVET")
    assert ReadPack()(asked(seen=seen), Matches()) == Matches()
    assert seen.asked == 0


def test_whoever_decides_is_asked_about_the_whole_short_list() -> None:
    matches, given = text_matches("mint", "velvet"), []
    step = ReadPack(decided=lambda found: bool(given.append(found)))
    step(asked(seen=Seen("VELVET")), matches)
    assert given == [matches]


@pytest.fixture(scope="module")
def reading(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The shop without names, its catalogue pictures read."""
    rows = catalogue_rows(6)
    for row in rows:
        row |= {"image": str(shop.folder / row["image"]), "name": "", "brand": ""}
    folder = tmp_path_factory.mktemp("reading")
    read = ReadSettings(catalogue="nameless")
    recipe: Recipe = read_recipe("fast").model_copy(update={"read": read})
    return build(write_table(folder / "t.csv", rows), folder / "c.lens", recipe=recipe)[0]


def test_words_on_catalogue_pictures_stand_in_for_names(reading: Collection, shop: Shop) -> None:
    stored = text_of(reading, "p00", "p01")
    assert set(stored) == {"p00", "p01"}
    best = reading.search(shop.photo(0))[0]
    assert best.product.product_id == "p00"
    assert best.reasons.text
    assert all(word in stored["p00"] for word in best.reasons.words)


def text_of(collection: Collection, *products: str) -> dict[str, str]:
    lines = collection.gallery.picture_text.of_products(products)
    return {name: "\n".join(line.text for line in found) for name, found in lines.items()}


def test_the_text_on_pictures_survives_an_added_product_whose_name_identifies_it(
    reading: Collection, shop: Shop, tmp_path: Path
) -> None:
    rows = catalogue_rows(8)[7:]
    rows[0] |= {"image": str(shop.folder / rows[0]["image"]), "name": "Velvet Rouge"}
    reading.add(write_table(tmp_path / "more.csv", rows))
    assert set(text_of(reading, "p00", "p07")) == {"p00"}
