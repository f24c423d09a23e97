"""Text at the same position: sister products that share a design, and what is no contradiction."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from beautylens.collection import Collection
from beautylens.images.simulate import phone_photo
from beautylens.indexing import build
from beautylens.results import Match
from beautylens.text.ocr import shared_reader
from tests.conftest import write_table

DESIGN = np.random.default_rng(4).integers(0, 256, (16, 2, 2))


def draw_bottle(word: str, size: str = "250 ml") -> np.ndarray:
    """A bottle of one design, 700 x 500 pixels RGB, with a word of its own."""
    picture = np.full((700, 500, 3), 255, np.uint8)
    cv2.rectangle(picture, (70, 30), (430, 670), (236, 222, 214), -1)
    for number, corners in enumerate(DESIGN):
        (x, y), (width, height) = corners
        top, colour = 420 + y * 200 // 256, (40 + 9 * number, 60, 180 - 7 * number)
        cv2.rectangle(
            picture, (80 + x, top), (95 + x + width // 4, top + 6 + height // 8), colour, 2
        )
    for text, row, scale in (
        ("NORDLYS", 130, 2.0),
        (word, 230, 1.5),
        ("Birch & Sea Salt", 300, 1.1),
    ):
        cv2.putText(picture, text, (90, row), cv2.FONT_HERSHEY_DUPLEX, scale, (50, 30, 60), 2)
    cv2.putText(picture, size, (90, 370), cv2.FONT_HERSHEY_DUPLEX, 1.0, (50, 30, 60), 2)
    return picture


def photo_of(word: str, seed: int = 0) -> np.ndarray:
    return phone_photo(draw_bottle(word), np.random.default_rng(seed), strength=0.4)


@pytest.fixture(scope="module")
def sisters(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """A shampoo and a conditioner of one design, and a soap."""
    folder = tmp_path_factory.mktemp("sisters")
    rows = []
    for word in ("SHAMPOO", "CONDITIONER", "BODY WASH"):
        cv2.imwrite(str(folder / f"{word}.png"), draw_bottle(word)[:, :, ::-1])
        rows.append({"product_id": word, "image": f"{word}.png", "name": f"Nordlys {word}"})
    return build(write_table(folder / "t.csv", rows), folder / "c.lens")[0]


def without(collection: Collection, photo: np.ndarray, *ids: str) -> Match:
    listed = " AND ".join(f"product_id != '{name}'" for name in ids)
    return collection.search(photo, where=listed or None)[0]


def test_the_right_product_is_not_contradicted(sisters: Collection) -> None:
    best = without(sisters, photo_of("CONDITIONER"))
    assert best.product.product_id == "CONDITIONER"
    assert best.reasons.contradiction == pytest.approx(0, abs=0.1)
    assert best.reasons.against == ()


def test_the_text_of_the_right_product_agrees_more_than_that_of_a_sister(
    sisters: Collection,
) -> None:
    right = without(sisters, photo_of("CONDITIONER")).reasons.text_agreement
    sister = without(sisters, photo_of("CONDITIONER"), "CONDITIONER").reasons.text_agreement
    assert right is not None
    assert sister is not None
    assert 0.9 <= right <= 1.0
    # The brand, the line below and the size are the same.
    assert 0.3 < sister < right - 0.1


def test_a_sister_product_is_contradicted_by_the_word_that_differs(sisters: Collection) -> None:
    photo = photo_of("CONDITIONER")
    sister = without(sisters, photo, "CONDITIONER", "BODY WASH")
    assert sister.product.product_id == "SHAMPOO"
    (against,) = sister.reasons.against
    assert (against.kind, against.photo, against.catalogue) == ("words", "CONDITIONER", "SHAMPOO")
    assert against.strength == sister.reasons.contradiction > 0.7
    x, y, width, height = against.box
    part = photo[y : y + height, x : x + width]
    (line,) = shared_reader()(part)
    # The box is where the catalogue has the shorter word.
    assert "CONDITIONER".startswith(line.text[:8])
    assert sister.probability is not None
    assert sister.probability < 0.5


def test_contradictions_are_in_the_json_of_a_match(sisters: Collection) -> None:
    found = without(sisters, photo_of("CONDITIONER"), "CONDITIONER").to_dict()
    assert found["reasons"]["contradiction"] > 0.7
    assert found["against"][0]["photo"] == "CONDITIONER"
    assert set(found["against"][0]) == {"kind", "photo", "catalogue", "box", "strength"}


def test_pictures_that_were_not_read_are_not_contradicted(
    sisters: Collection, tmp_path: Path
) -> None:
    unread = build(
        [{"product_id": "SHAMPOO", "image": without(sisters, photo_of("SHAMPOO")).image}],
        tmp_path / "c.lens",
        read=False,
    )[0]
    photo = photo_of("CONDITIONER")
    assert unread.info()["pictures_read"] == 0
    assert unread.search(photo)[0].reasons.contradiction is None
    # Indexing again, as after an interruption, reads the pictures that are left.
    assert unread.read_pictures() == (1, 0)
    assert unread.read_pictures() == (0, 0)
    assert (unread.search(photo)[0].reasons.contradiction or 0) > 0.7


def test_text_of_a_removed_product_is_removed(sisters: Collection, tmp_path: Path) -> None:
    rows = [{"product_id": "SHAMPOO", "image": without(sisters, photo_of("SHAMPOO")).image}]
    collection = build(rows, tmp_path / "c.lens")[0]
    assert collection.info()["pictures_read"] == 1
    collection.add([rows[0] | {"product_id": "COPY"}], read=False)
    assert collection.info()["pictures_read"] == 1
    collection.remove("SHAMPOO")
    assert collection.info()["pictures_read"] == 0


def test_a_recipe_without_the_section_compares_no_text(sisters: Collection, tmp_path: Path) -> None:
    recipe = sisters.recipe.model_copy(update={"compare_text": None})
    plain = build(
        [{"product_id": "SHAMPOO", "image": without(sisters, photo_of("SHAMPOO")).image}],
        tmp_path / "c.lens",
        recipe=recipe,
    )[0]
    assert plain.info()["pictures_read"] == 0
    assert plain.search(photo_of("CONDITIONER"))[0].reasons.contradiction is None


def test_text_of_a_replaced_picture_is_not_compared(sisters: Collection, tmp_path: Path) -> None:
    picture = tmp_path / "bottle.png"
    cv2.imwrite(str(picture), draw_bottle("SHAMPOO")[:, :, ::-1])
    rows = [{"product_id": "bottle", "image": str(picture)}]
    collection = build(rows, tmp_path / "c.lens")[0]
    cv2.imwrite(str(picture), draw_bottle("CONDITIONER")[:, :, ::-1])
    # The file that was indexed is gone: it cannot be read before it is indexed again.
    collection.gallery.picture_text.delete(["bottle"])
    assert collection.read_pictures() == (0, 1)
    collection.add(rows, read=False)
    assert collection.search(photo_of("CONDITIONER"))[0].reasons.contradiction is None
    assert collection.read_pictures() == (1, 0)
    assert collection.search(photo_of("CONDITIONER"))[0].reasons.contradiction == 0


def test_a_contradiction_holds_for_all_pictures_of_a_product(tmp_path: Path) -> None:
    paths = []
    for number, width in enumerate((500, 480)):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), cv2.resize(draw_bottle("SHAMPOO")[:, :, ::-1], (width, 690)))
    rows = [{"product_id": "SHAMPOO", "image": ";".join(map(str, paths))}]
    collection = build(rows, tmp_path / "c.lens")[0]
    (found,) = collection.search(photo_of("CONDITIONER"))
    assert (found.reasons.contradiction or 0) > 0.7


def test_the_box_is_in_pixels_of_the_photo_that_was_given(sisters: Collection) -> None:
    large = cv2.resize(photo_of("CONDITIONER"), None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    encoded = cv2.imencode(".jpg", large[:, :, ::-1])[1].tobytes()
    listed = "product_id = 'SHAMPOO'"
    small = sisters.search(photo_of("CONDITIONER"), where=listed)[0].reasons.against[0].box
    big = sisters.search(encoded, where=listed)[0].reasons.against[0].box
    assert np.array(big) / 5 == pytest.approx(np.array(small), abs=12)
