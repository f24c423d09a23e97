"""Recipes: the shipped ones load, and a wrong setting is named with the nearest right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from beautylens.errors import RecipeError
from beautylens.settings import DiffusionSettings, Recipe, read_recipe, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_under_its_own_name(name: str) -> None:
    assert read_recipe(name).name == name


def test_a_recipe_file_is_named_after_itself_unless_it_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[retrieve]\ndepth = 50\n")
    recipe = read_recipe(tmp_path / "mine.toml")
    assert (recipe.name, recipe.retrieve.depth, recipe.rerank) == ("mine", 50, None)


def test_an_encoder_file_is_found_beside_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[encoder]\nfile = "net.onnx"\n')
    assert read_recipe(tmp_path / "mine.toml").encoder.file == str(tmp_path / "net.onnx")


def test_an_expansion_takes_the_options_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[expand]\nkind = "diffusion"\nk_q = 7\ngamma_q = 80\n')
    expand = read_recipe(tmp_path / "mine.toml").expand
    assert isinstance(expand, DiffusionSettings)
    assert (expand.k_q, expand.gamma_q, expand.k_d) == (7, 80, 50)
    again = Recipe.model_validate(read_recipe(tmp_path / "mine.toml").model_dump(mode="json"))
    assert again.expand == expand


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[retrieve]\ndept = 5\n", r"no setting 'retrieve\.dept'; did you mean 'retrieve\.depth'"),
        ("[retrieve]\ndepth = 0\n", r"'retrieve\.depth': input should be greater than"),
        ("[zebra]\n", "no setting 'zebra'; known settings: name, encoder"),
        ("[rerank]\nratio = 0.8\n", r"\[rerank\] needs a \[keypoints\] section"),
        ('[expand]\nkind = "qe"\n', r"'expand\.kind': should be one of alpha_qe, diffusion"),
        ("[expand]\nn = 3\n", r"'expand\.kind': should be one of alpha_qe"),
        (
            '[expand]\nkind = "diffusion"\nalpa = 0.5\n',
            r"no setting 'expand\.alpa'; did you mean 'expand\.alpha'",
        ),
        (
            '[expand]\nkind = "diffusion"\nalpha = 1.0\n',
            r"'expand\.alpha': input should be less than 1",
        ),
        ("depth = ", "is not valid TOML"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        read_recipe(tmp_path / "mine.toml")


def test_an_unknown_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'fastest'; .* default, fast"):
        read_recipe("fastest")
