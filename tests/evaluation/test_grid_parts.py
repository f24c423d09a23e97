"""An ensemble part by part, against the collection that the recipe builds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from beautylens.assemble.encoders import make_encoder
from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.cli import app
from beautylens.evaluation.grid.grid import Outcome
from beautylens.evaluation.grid.parts import WHOLE, Parts, expansion_order
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    AlphaQuerySettings,
    DiffusionSettings,
    LateDiffusionSettings,
    SuperGlobalSettings,
)
from tests.conftest import Shop, make_shop, write_table
from tests.features.neighbours.test_diffusion import Graph, slow_diffusion, unit_rows
from tests.recipe.test_shipped import stand_ins_for
from tests.search.test_expansion import slow_superglobal


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("shop"), 12)


@pytest.fixture(scope="module")
def truth(shop: Shop) -> Path:
    rows = [{"image": f"photos/{n:02}.jpg", "product_ids": f"p{n:02}"} for n in range(4)]
    return write_table(shop.folder / "truth.csv", rows)


def outcomes_of(recipe: Recipe, shop: Shop, truth: Path) -> list[Outcome]:
    grid = Parts(read_catalogue(shop.table), read_truth(truth))
    return list(grid.run_recipe(recipe, make_encoder(recipe)))


@pytest.mark.parametrize("name", ["uel2019", "grmac2019", "hou2020", "ramac2018", "ustc2020"])
def test_the_last_row_ranks_as_a_collection_of_the_recipe(
    name: str, shop: Shop, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "encoders"))
    stand_ins_for(name, tmp_path / "encoders")
    # The names of products are not part of the grid.
    recipe = read_recipe(name).model_copy(update={"expand_by_name": None})
    outcomes = outcomes_of(recipe, shop, truth)
    collection, _ = build(shop.table, tmp_path / "c.lens", recipe=recipe)
    for row, result in zip(read_truth(truth), outcomes[-1].results, strict=True):
        expected = collection.search(row.image, 12)
        assert result.ranking[:7] == [match.product.product_id for match in expected][:7]


def test_each_encoder_has_a_row_then_all_together_and_the_expansion(
    shop: Shop, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "encoders"))
    stand_ins_for("uel2019", tmp_path / "encoders")
    recipe = read_recipe("uel2019")
    outcomes = outcomes_of(recipe, shop, truth)
    assert [(o.system.encoder, o.system.pooling) for o in outcomes] == [
        ("resnet101.tv_in1k", "ramac"), ("uel_resnet101", "spoc"), ("vgg16_sfm120k", "gem"),
        (WHOLE, ""), (f"{WHOLE}, diffusion", ""),
    ]  # fmt: skip
    assert [o.change is None for o in outcomes] == [True, True, True, True, False]
    alone = recipe.model_copy(update={"encoders": recipe.encoders[2:], "expand": None})
    (single,) = outcomes_of(alone, shop, truth)
    assert [r.ranking for r in single.results] == [r.ranking for r in outcomes[2].results]


@pytest.mark.parametrize("seed", range(5))
def test_expansions_in_memory_rank_as_slow_loops(seed: int) -> None:
    gallery, query = unit_rows(seed, 30), unit_rows(seed + 100, 1)[0]
    visual = sorted(range(30), key=lambda row: -float(gallery[row] @ query))
    near = visual[:2]
    blended = query + 0.5 * sum(float(gallery[row] @ query) ** 2 * gallery[row] for row in near)
    expected = sorted(range(30), key=lambda row: -float(gallery[row] @ blended))
    settings = AlphaQuerySettings(kind="alpha_qe", n=2, alpha=2, weight=0.5)
    if all(float(gallery[row] @ query) > 0 for row in near):
        assert expansion_order(settings, gallery)(query, gallery).tolist() == expected
    refined = np.array(slow_superglobal(query, gallery[visual[:12]]))
    expected = [visual[row] for row in np.argsort(-refined, kind="stable")] + visual[12:]
    found = expansion_order(SuperGlobalSettings(kind="superglobal", depth=12), gallery)
    assert found(query, gallery).tolist() == expected
    full = slow_diffusion(gallery, query, Graph(6, 3.0, 0.9), 5, 3.0)
    early = DiffusionSettings(kind="diffusion", k_d=6, alpha=0.9, k_q=5, depth=30)
    found = expansion_order(early, gallery)(query, gallery)
    reached = int((full > 1e-6).sum())
    assert found[:reached].tolist() == np.argsort(-full, kind="stable")[:reached].tolist()
    assert expansion_order(LateDiffusionSettings(kind="late_diffusion"), gallery) is None


def test_the_command_lists_the_parts_of_a_recipe(
    shop: Shop, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "encoders"))
    stand_ins_for("grmac2019", tmp_path / "encoders")
    command = ["grid", str(shop.table), str(truth), "--recipe", "grmac2019"]
    answered = CliRunner().invoke(app, [*command, "--json"], env={"COLUMNS": "120"})
    assert answered.exit_code == 0, answered.output
    systems = [json.loads(line) for line in answered.stdout.splitlines() if line.startswith("{")]
    assert {system["encoder"] for system in systems} == {
        "densenet201_linear_cifar", "seresnet152_cifar", WHOLE,
    }  # fmt: skip
    assert "All systems" in answered.stderr
    refused = CliRunner().invoke(app, [*command, "--pooling", "mac"])
    assert "leave those out" in str(refused.exception)
