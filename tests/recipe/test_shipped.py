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
    assert (ramac.augment.n, ramac.expand.kind, ramac.expand.n) == (1, "alpha_qe", 1)
    uel = read_recipe("uel2019").expand
    assert (uel.k_q, uel.gamma_q, uel.k_d, uel.gamma, uel.alpha, uel.depth) == (
        7, 80, 50, 3, 0.99, 1024,
    )  # fmt: skip
    assert [e.weight for e in read_recipe("hou2020").encoders] == [3, 1]
    assert [e.weight for e in read_recipe("yan2020").encoders] == [10, 8.95]
    tang = read_recipe("tang2018")
    assert (tang.verify.ratio, tang.verify.mutual, tang.verify.transform) == (0.8, False, "none")
    assert tang.scorer.kind == "inliers"


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
