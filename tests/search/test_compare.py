"""Comparing colours: shades of one drawn line under phone light, and where there is no evidence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from beautylens.assemble.parts import make_local_features
from beautylens.collection import Collection
from beautylens.images.simulate import phone_photo
from beautylens.indexing import build
from beautylens.query import Photo, Query
from beautylens.reasons import Reasons
from beautylens.recipe.recipe import read_recipe
from beautylens.results import Match, Matches, Product
from beautylens.sample.forms import draw_product
from beautylens.sample.plan import SampleProduct, plan_sample
from beautylens.sample.stage import View
from beautylens.search.compare import CompareColour, ambiguous
from tests.conftest import write_table

LINE, SEEN = "Petal Press", View(yaw=0.2, camera=0.12, shadow=False)


def a_match(name: str, inliers: int | None, colour: float | None = None) -> Match:
    return Match(name, Product(name), "", 0.0, Reasons(inliers=inliers, colour=colour))


def shades() -> list[SampleProduct]:
    return [product for product in plan_sample(2026).products if product.line.name == LINE]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The blushes of one line, alike but for their shade and its name."""
    folder = tmp_path_factory.mktemp("line")
    rows = []
    for product in shades():
        picture = draw_product(product.line.form, product.pack)
        image = f"{product.product_id}.png"
        cv2.imwrite(str(folder / image), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        rows.append({"product_id": product.product_id, "image": image, "name": product.name})
    return build(write_table(folder / "catalogue.csv", rows), folder / "line.lens")[0]


def photo_of(product: SampleProduct, seed: int) -> np.ndarray:
    picture = draw_product(product.line.form, product.pack, SEEN)
    return phone_photo(picture, np.random.default_rng(seed), strength=0.7)


@pytest.mark.parametrize("place", range(4))
def test_the_right_shade_of_a_line_comes_first_with_its_colour_as_reason(
    line: Collection, place: int
) -> None:
    product = shades()[place]
    best, *others = line.search(photo_of(product, 3))
    assert best.product.product_id == product.product_id
    assert best.reasons.colour is not None
    known = [each.reasons.colour for each in others if each.reasons.colour is not None]
    assert known
    assert best.reasons.colour < min(known)


def test_what_the_search_compared_is_what_is_drawn(line: Collection) -> None:
    matches = line.search(photo_of(shades()[0], 3), 4)
    compared = matches.colours
    assert compared is not None
    told = dict(zip(compared.image_ids, compared.cell_colours.differences, strict=True))
    assert matches[0].reasons.colour == pytest.approx(told[matches[0].image_id], abs=0.01)
    drawings = line.explain.colours(matches)
    assert set(drawings) == set(told)
    drawn = drawings[matches[0].image_id]
    assert drawn.dtype == np.uint8
    assert drawn.shape[1] > 2 * compared.photo.pixels.shape[1]


def test_a_photo_whose_colours_were_not_compared_has_no_drawing_of_them(line: Collection) -> None:
    assert line.explain.colours(Matches()) == {}


def test_comparing_changes_neither_order_nor_scores(line: Collection) -> None:
    """Only colours are added, and to the pictures that were compared alone."""
    pipeline = line.parts.pipeline
    query = pipeline.describe(line.photo(photo_of(shades()[0], 3)), 4)
    matches = pipeline.verify(query, pipeline.retrieve(query, Matches(query=query)))
    compared = pipeline.compare(query, matches)
    assert compared.colours is not None
    told = dict(
        zip(
            compared.colours.image_ids,
            compared.colours.cell_colours.differences.tolist(),
            strict=True,
        )
    )
    for before, after in zip(matches, compared, strict=True):
        colour = round(told[before.image_id], 2) if before.image_id in told else None
        assert after == replace(before, reasons=replace(before.reasons, colour=colour))


def test_geometry_that_decides_leaves_nothing_to_compare() -> None:
    assert ambiguous(Matches.ranked([a_match("a", 60), a_match("b", 12)]), 8) == ()
    assert ambiguous(Matches.ranked([a_match("a", 7), a_match("b", 7)]), 8) == ()
    assert ambiguous(Matches.ranked([a_match("a", None), a_match("b", None)]), 8) == ()
    assert ambiguous(Matches(), 8) == ()


def test_pictures_of_one_product_are_not_told_apart() -> None:
    one, other = a_match("a", 40), replace(a_match("b", 40), product=Product("a"))
    assert ambiguous(Matches.ranked([one, other]), 8) == ()
    assert len(ambiguous(Matches.ranked([one, other, a_match("c", 30)]), 8)) == 3


def test_without_thumbnails_nothing_changes(line: Collection, tmp_path: Path) -> None:
    recipe = read_recipe("default")
    assert recipe.keypoints is not None
    assert recipe.verify is not None
    plain = recipe.model_copy(update={"colour": None})
    folder = Path(
        next(iter(line.gallery.products.pictures([shades()[0].product_id]).values()))
    ).parent
    bare = build(folder / "catalogue.csv", tmp_path / "bare.lens", recipe=plain)[0]
    assert bare.gallery.rows.thumbnails(["anything"]) == {}
    matches = bare.search(photo_of(shades()[1], 3), 4)
    assert matches.query is not None
    assert len(ambiguous(matches, 8)) > 1
    assert all(match.geometry is not None for match in matches)
    local = make_local_features(recipe.keypoints, recipe.verify)
    assert CompareColour(bare.gallery, local, 8)(matches.query, matches) is matches


def test_pictures_that_were_not_verified_are_left_alone(line: Collection) -> None:
    recipe = read_recipe("default")
    assert recipe.keypoints is not None
    assert recipe.verify is not None
    compare = CompareColour(line.gallery, make_local_features(recipe.keypoints, recipe.verify), 8)
    ids = [product.product_id for product in shades()]
    claimed = Matches.ranked(a_match(f"{name}/{name}.png", 30) for name in ids)
    photo = Photo(np.full((300, 200, 3), 128, np.uint8))
    assert compare(Query(photo, np.zeros(2, np.float32)), claimed) is claimed
