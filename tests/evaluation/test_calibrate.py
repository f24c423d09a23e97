"""Calibrating: what a collection learns from labelled photos, and keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError, TableError
from beautylens.evaluation.calibration.calibrate import (
    FEWEST,
    calibrate,
    labelled_examples,
    recipe_parameters,
    store_parameters,
)
from beautylens.evaluation.calibration.labelled_shortlist import Example
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import CosinePlusInliersSettings, JudgeSettings
from tests.conftest import Shop, draw_pack, photograph, write_table
from tests.stand_ins import write_stand_in


def tiny(folder: Path) -> Recipe:
    """The default recipe with a network that costs next to nothing, without comparison of text."""
    recipe = read_recipe("default")
    encoder = recipe.encoders[0].model_copy(
        update={"file": str(write_stand_in(folder / "tiny", 1))}
    )
    return recipe.model_copy(update={"encoders": (encoder,), "compare_text": None})


@pytest.fixture(scope="module")
def opened(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("tiny")
    return build(shop.table, folder / "c.lens", recipe=tiny(folder))[0]


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[TruthRow, ...]:
    """Three photos of ten products, and two of products that are not in the catalogue."""
    folder = tmp_path_factory.mktemp("photos")
    rows = []
    for place in range(32):
        number = place % 10 if place < 30 else 20 + place
        name = f"{place}.jpg"
        cv2.imwrite(str(folder / name), photograph(draw_pack(number), place))
        rows.append({"image": name, "product_ids": f"p{number:02}" if place < 30 else ""})
    return read_truth(write_table(folder / "truth.csv", rows))


@pytest.fixture(scope="module")
def taught(opened: Collection, truth: Sequence[TruthRow]) -> list[Example]:
    return [example for example in labelled_examples(opened, truth) if example is not None]


def test_every_photo_teaches_with_and_without_its_product(taught: list[Example]) -> None:
    assert len(taught) == 32
    assert sum(example.shortlist.has_right for example in taught) == 30
    assert all(len(example.left_out) == example.shortlist.has_right for example in taught)
    assert taught[0].shortlist.evidence[:, 2].max() > 1


def test_what_is_learnt_is_kept_and_used_by_whoever_opens_the_collection(
    opened: Collection, taught: list[Example], shop: Shop
) -> None:
    before = opened.search(shop.photo(0))
    learnt = calibrate(taught, recipe_parameters(opened))
    assert learnt.photos == 32
    assert learnt.after.calibration_error <= learnt.before.calibration_error + 0.02
    store_parameters(opened, learnt.parameters)
    after = opened.search(shop.photo(0))
    assert after.probability != before.probability
    assert after.verdict == "match"
    assert open_collection(opened.gallery.address).search(shop.photo(0)).rows == after.rows
    # Learning again starts from what is shipped, not from what was learnt.
    assert recipe_parameters(opened) != learnt.parameters


def test_too_few_photos_are_refused_in_one_sentence(
    opened: Collection, taught: list[Example]
) -> None:
    with pytest.raises(TableError, match=rf"29 photos have .* at least {FEWEST}"):
        calibrate(taught[:29], recipe_parameters(opened))
    alone = [replace(example, left_out=()) for example in taught]
    with pytest.raises(TableError, match="0 photos have their right product"):
        calibrate(alone, recipe_parameters(opened))


def test_a_photo_that_cannot_be_read_teaches_nothing(opened: Collection, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")
    assert list(labelled_examples(opened, [TruthRow(tmp_path / "x.jpg", frozenset({"p00"}))])) == [
        None
    ]


def test_a_recipe_without_a_judge_says_so(shop: Shop, tmp_path: Path) -> None:
    recipe = tiny(tmp_path).model_copy(
        update={
            "scorer": CosinePlusInliersSettings(kind="cosine_plus_inliers"),
            "colour": None,
            "compare_text": None,
        }
    )
    plain, _ = build(shop.table, tmp_path / "plain.lens", recipe=recipe)
    assert plain.search(shop.photo(0)).verdict is None
    with pytest.raises(CollectionError, match="gives no verdicts"):
        recipe_parameters(plain)


def test_a_file_of_the_judges_parameters_stands_beside_the_recipe(
    opened: Collection, tmp_path: Path
) -> None:
    data = json.loads(recipe_parameters(opened).to_bytes())
    data["weights"]["visual"] = 99.0
    (tmp_path / "mine.json").write_text(json.dumps(data))
    (tmp_path / "mine.toml").write_text('[scorer]\nkind = "judge"\nfile = "mine.json"\n')
    recipe = read_recipe(tmp_path / "mine.toml")
    assert isinstance(recipe.scorer, JudgeSettings)
    assert recipe.scorer.file == str(tmp_path / "mine.json")
