"""The shipped recipes: each runs from its one file, and says what it lacks where it cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from beautylens.collection import open_collection
from beautylens.errors import EncoderError
from beautylens.features.encoder.ensemble import Ensemble
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe, shipped_recipes
from tests.conftest import Shop
from tests.stand_ins import write_stand_in

PUBLISHED = tuple(name for name in shipped_recipes() if any(c.isdigit() for c in name))


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "encoders"))
    return tmp_path / "encoders"


def stand_ins_for(recipe: str, home: Path) -> None:
    files = {encoder.file for encoder in read_recipe(recipe).encoders} - {"default"}
    for seed, file in enumerate(sorted(files)):
        write_stand_in(home / file, seed)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_recipe_indexes_searches_and_is_opened_again(
    name: str, shop: Shop, empty_home: Path, tmp_path: Path
) -> None:
    stand_ins_for(name, empty_home)
    built, filled = build(shop.table, tmp_path / "c.lens", recipe=name)
    assert (filled.written, len(filled.failures)) == (12, 0)
    found = open_collection(tmp_path / "c.lens").search(str(shop.photo(1)), limit=7)
    assert len(found) == 7
    assert len({match.product.product_id for match in found}) == 7
    # Random networks know nothing of packs, but a catalogue picture is its own nearest.
    own = built.search(str(shop.picture(5)), limit=1)[0]
    assert own.product.product_id == "p05"
    assert own.reasons.visual is not None


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_system_names_the_weights_that_it_lacks(
    name: str, shop: Shop, empty_home: Path, tmp_path: Path
) -> None:
    files = {encoder.file for encoder in read_recipe(name).encoders}
    with pytest.raises(EncoderError) as refused:
        build(shop.table, tmp_path / "c.lens", recipe=name)
    assert all(f"'{file}'" in str(refused.value) for file in files)
    assert "beautylens encoder export --backbone" in str(refused.value)
    assert not (tmp_path / "c.lens").exists()


def test_the_systems_are_put_together_as_their_papers_say(empty_home: Path) -> None:
    ramac = read_recipe("ramac2018")
    assert len({(e.file, e.pooling.name) for e in ramac.encoders if e.pooling}) == 16
    assert (ramac.projection.zscore, ramac.projection.dimensions) == (True, 2048)
    assert (ramac.augment.n, ramac.augment.alpha, ramac.augment.weight) == (1, 0, 0.5)
    assert (ramac.expand.kind, ramac.expand.n, ramac.expand.weight) == ("alpha_qe", 1, 1)
    uel = read_recipe("uel2019").expand
    assert (uel.k_q, uel.gamma_q, uel.k_d, uel.gamma, uel.alpha, uel.depth) == (
        7, 80, 50, 3, 0.99, 1024,
    )  # fmt: skip
    hou, yan = read_recipe("hou2020"), read_recipe("yan2020")
    assert [e.weight for e in hou.encoders] == [3, 1]
    cut = {"global_term": True, "min_share": 0.33334}
    assert [e.pooling.options for e in hou.encoders] == [{"p": 1, **cut}] * 2
    assert [e.weight for e in yan.encoders] == [10, 8.95]
    assert [e.pooling.options for e in yan.encoders] == [{"p": 3.5, **cut}, {}]
    ustc = read_recipe("ustc2020")
    assert [e.pooling.name for e in ustc.encoders] == ["grmac", "amac"]
    assert len({e.file for e in ustc.encoders}) == 1
    own, nearest = 1 / (1 + ustc.expand.weight), ustc.expand.weight / (1 + ustc.expand.weight)
    assert (ustc.expand.n, ustc.expand.alpha) == (1, 0)
    assert (own, nearest) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    tang = read_recipe("tang2018")
    assert (tang.verify.ratio, tang.verify.mutual, tang.verify.transform) == (0.8, False, "none")
    assert tang.scorer.kind == "inliers"


# By recipe and encoder: the options of the published program that its export says.
EXPORTS = {
    ("grmac2019", "densenet201_linear_cifar"): ("--without activation", "--mean 125.307,"),
    ("grmac2019", "seresnet152_cifar"): ("--mean 125.307,", "--std 51.5865,"),
    ("hou2020", "densenet201_linear_cifar"): ("--without activation", "--mean 125.307,"),
    ("hou2020", "seresnet152_cifar"): ("--mean 125.307,", "--std 51.5865,"),
    ("yan2020", "densenet201_linear"): ("--without activation",),
    ("ramac2018", "vgg16_unpooled"): ("--without pool",),
    ("uel2019", "vgg16_sfm120k"): ("--without pool",),
}


@pytest.mark.parametrize(("recipe", "encoder"), EXPORTS)
def test_the_export_of_an_encoder_says_what_the_published_program_does(
    recipe: str, encoder: str
) -> None:
    sources = {e.source for e in read_recipe(recipe).encoders if e.file == encoder}
    assert len(sources) == 1
    source = sources.pop()
    assert f"--name {encoder}`" in source
    for option in EXPORTS[recipe, encoder]:
        assert option in source


def test_sixteen_descriptors_of_2018_take_four_runs(
    shop: Shop, empty_home: Path, tmp_path: Path
) -> None:
    stand_ins_for("ramac2018", empty_home)
    built, _ = build(shop.table, tmp_path / "c.lens", recipe="ramac2018")
    assert isinstance(built.encoder, Ensemble)
    pixels = built.photo(str(shop.photo(0))).pixels
    assert len(built.encoder.parts) == 16
    assert len(built.encoder.fit(pixels)) == 4
    # Twelve pictures span eleven of the 2,048 dimensions.
    assert np.asarray(built.encoder([pixels])).shape == (1, 11)
