"""Recipes: the shipped ones load, and a wrong setting is named with the nearest right one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from beautylens.assemble.encoders import make_encoder
from beautylens.errors import RecipeError
from beautylens.features.local.extractors import EXTRACTORS
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.recipe.allowed_values import models_in
from beautylens.recipe.recipe import Recipe, read_recipe, shipped_recipes
from beautylens.recipe.sections import (
    DiffusionSettings,
    ExpandByNameSettings,
    JudgeSettings,
    KeypointSettings,
    RetrieveSettings,
    ScorerSettings,
    VerifySettings,
)
from beautylens.recipe.settings import PoolingSettings
from beautylens.search.distances import SIMILARITIES
from beautylens.search.expand_by_name import REFINEMENTS
from beautylens.search.judge.scorer import FORMULAS


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_under_its_own_name(name: str) -> None:
    assert read_recipe(name).name == name


def test_a_recipe_file_is_named_after_itself_unless_it_says_otherwise(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[retrieve]\ndepth = 50\n")
    recipe = read_recipe(tmp_path / "mine.toml")
    assert (recipe.name, recipe.retrieve.depth, recipe.verify) == ("mine", 50, None)


def test_an_encoder_file_is_found_beside_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[encoder]\nfile = "net.onnx"\n')
    assert read_recipe(tmp_path / "mine.toml").encoders[0].file == str(tmp_path / "net.onnx")


def test_encoders_known_by_name_keep_it_and_several_keep_their_order(tmp_path: Path) -> None:
    text = (
        "[[encoders]]\nfile = 'resnet101.tv_in1k'\n[[encoders]]\nfile = 'default'\nweight = 2.0\n"
    )
    (tmp_path / "mine.toml").write_text(text)
    encoders = read_recipe(tmp_path / "mine.toml").encoders
    assert [(e.file, e.weight) for e in encoders] == [("resnet101.tv_in1k", 1.0), ("default", 2.0)]


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
        (
            "[retrieve]\ndept = 5\n",
            r"unknown setting 'retrieve\.dept'; did you mean 'retrieve\.depth'",
        ),
        ("[retrieve]\ndepth = 0\n", r"'retrieve\.depth': input should be greater than"),
        ("[zebra]\n", "unknown setting 'zebra'; known settings: name, encoder"),
        ("[zebra]\n", r"keypoints\.kind, keypoints\.file, .* expand\.kind, expand\.n, "),
        ("[verify]\nratio = 0.8\n", r"\[verify\] needs a \[keypoints\] section"),
        ("[vlad]\n", r"\[vlad\] needs a \[keypoints\] section"),
        ('[keypoints]\nkind = "orb"\n[vlad]\n', 'SIFT keypoints, not those of kind "orb"'),
        ("[keypoints]\n[vlad]\n[retrieve]\ndistance = 'l1'\n", "leave out `distance`"),
        ("[encoder]\nside = 9\n", r"'encoders\.side': input should be greater than"),
        ("[encoder]\n[[encoders]]\n", r"one \[encoder\], or several as \[\[encoders\]\]"),
        (
            "[[encoders]]\nsiide = 96\n",
            r"unknown setting 'encoders\.siide'; did you mean 'encoders\.side'",
        ),
        ("[projection]\n", r"\[projection\] needs `zscore = true`, `dimensions`"),
        (
            "[ensemble]\ncombine = 'product'\n[projection]\nzscore = true\n",
            "a product of cosines is taken part by part",
        ),
        ('[expand]\nkind = "qe"\n', r"'expand\.kind': should be one of alpha_qe, diffusion"),
        ("[expand]\nn = 3\n", r"'expand\.kind': should be one of alpha_qe"),
        (
            '[expand]\nkind = "diffusion"\nalpa = 0.5\n',
            r"unknown setting 'expand\.alpa'; did you mean 'expand\.alpha'",
        ),
        (
            '[expand]\nkind = "diffusion"\nalpha = 1.0\n',
            r"'expand\.alpha': input should be less than 1",
        ),
        ("depth = ", "is not valid TOML"),
        (
            "[encoder]\npooling = 3\n",
            "pooling': 3 is not a pooling's name or a table of the settings",
        ),
        ("[encoder]\nscales = 2\n", "2 is not a list of 1-8, each a number from 0.25 to 4"),
        ("[encoder]\nscales = [9]\n", "less than .* 4; it takes a list of 1-8"),
        ("[retrieve]\ndepth = 'x'\n", "'x' is not a whole number from 1 to 10,000"),
        ("[retrieve]\ndepth = 0\n", "it takes a whole number from 1 to 10,000"),
        ("[retrieve]\nsalient = 'x'\n", "'x' is not true or false"),
        ("[retrieve]\nviews = [2]\n", "each a number above 0 and at most 1"),
        ("retrieve = 5\n", "5 is not a table of the settings depth, distance, views"),
        ("expand = 3\n", "3 is not a table whose kind is one of 'alpha_qe', 'diffusion'"),
        (
            '[expand]\nkind = "diffusion"\nalpha = "x"\n',
            "'expand.alpha': 'x' is not a number from 0 below 1",
        ),
        (
            "[expand_by_name]\ncharacters = [1]\n",
            "it takes a list of 2, each a whole number from 1 to 8",
        ),
        ("name = 4\n", "'name': 4 is not a text"),
        (
            '[keypoints]\nkind = "surf"\n',
            r"'keypoints\.kind': SURF is patented .* \"orb\"",
        ),
        ('[keypoints]\nkind = "harris"\n', "'keypoints.kind': input should be 'rootsift', 'sift'"),
        ('[keypoints]\nkind = "onnx"\n', 'kind = "onnx" needs a file'),
        ('[keypoints]\nfile = "x.onnx"\n', "no other kind takes one"),
        ('[keypoints]\nkind = "onnx"\nfile = "x.onnx"\n[verify]\n', '"none", "affine" or "homo'),
        ("[keypoints]\n[verify]\nratio = 1\nmutual = false\n", "lets every keypoint match"),
        (
            '[scorer]\nkind = "best"\n',
            r"'scorer\.kind': should be one of cosine, inliers, cosine_plus_inliers, judge",
        ),
        ('[scorer]\nkind = "judge"\nfil = "x"\n', r"'scorer\.fil'; did you mean 'scorer\.file'"),
        (
            '[scorer]\nkind = "cosine_plus_inliers"\nweight = 0\n',
            r"'scorer\.weight': input should be greater than 0; it takes a number above 0",
        ),
        (
            '[read]\nphoto = false\ncatalogue = "always"\n',
            "'read': words on catalogue pictures are compared with those on the photo",
        ),
        ("scorer = 3\n", "3 is not a table whose kind is one of 'cosine', 'inliers'"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        read_recipe(tmp_path / "mine.toml")


KEYPOINTS = "[keypoints]\n[verify]\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (KEYPOINTS, r'\[verify\] counts inliers, which the scorer "cosine" does not read'),
        (
            KEYPOINTS + '[colour]\n[scorer]\nkind = "inliers"\n',
            'the scorer "inliers" reads no colours: .* or leave \\[colour\\] out',
        ),
        (
            KEYPOINTS + '[colour]\n[scorer]\nkind = "cosine_plus_inliers"\n',
            'the scorer "cosine_plus_inliers" reads no colours',
        ),
        ("[colour]\n", r"\[colour\] needs \[verify\]"),
        ('[scorer]\nkind = "inliers"\n', 'the scorer "inliers" reads inliers, which'),
        (
            '[scorer]\nkind = "cosine_plus_inliers"\n',
            'the scorer "cosine_plus_inliers" reads inliers, which',
        ),
        ('[scorer]\nkind = "cosine"\nweight = 2\n', r"unknown setting 'scorer\.weight'"),
        (
            KEYPOINTS + '[scorer]\nkind = "inliers"\nweight = 2\n',
            r"unknown setting 'scorer\.weight'",
        ),
        ('[scorer]\nkind = "judge"\nweight = 2\n', r"unknown setting 'scorer\.weight'"),
        (
            '[scorer]\nkind = "judge"\n[retrieve]\ndistance = "l1"\n',
            "the judge weighs the cosine of the descriptors: leave out `distance`",
        ),
        (
            '[scorer]\nkind = "judge"\n[ensemble]\ncombine = "product"\n',
            "the judge weighs the cosine of the descriptors: .* `combine`",
        ),
    ],
)
def test_what_the_scorer_does_not_read_is_refused_and_so_is_a_scorer_without_its_evidence(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=message):
        read_recipe(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    "text",
    [
        "[expand_by_name]\n",
        '[expand_by_name]\nvariant = "program"\n',
        '[scorer]\nkind = "judge"\n[expand_by_name]\nvariant = "program"\n',
        KEYPOINTS + '[colour]\n[scorer]\nkind = "judge"\n',
        KEYPOINTS + '[scorer]\nkind = "inliers"\n',
        KEYPOINTS + '[scorer]\nkind = "cosine_plus_inliers"\nweight = 0.5\n',
    ],
)
def test_a_recipe_that_a_collection_keeps_can_be_read_again(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    recipe = read_recipe(tmp_path / "mine.toml")
    for kept in (recipe.model_dump(mode="json", exclude_none=True), recipe.model_dump()):
        assert Recipe.model_validate(kept) == recipe


@pytest.mark.parametrize(
    ("old", "now"),
    [
        ("aggregate", r"\[aggregate\] is called \[vlad\] now"),
        ("rerank", r"\[rerank\] is called \[verify\] now, .* `transform`, .* \[scorer\]"),
        ("textual", r"\[textual\] is called \[expand_by_name\] now"),
        ("judge", r'\[judge\] is \[scorer\] kind = "judge" now'),
    ],
)
def test_a_section_that_was_renamed_is_refused_with_its_new_name(
    tmp_path: Path, old: str, now: str
) -> None:
    (tmp_path / "mine.toml").write_text(f"[{old}]\n")
    with pytest.raises(RecipeError, match=rf"mine\.toml': {now}"):
        read_recipe(tmp_path / "mine.toml")


def test_a_file_of_the_judge_is_found_beside_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[scorer]\nkind = "judge"\nfile = "mine.json"\n')
    recipe = read_recipe(tmp_path / "mine.toml")
    assert recipe.scorer == JudgeSettings(kind="judge", file=str(tmp_path / "mine.json"))
    assert recipe.has_judge
    assert not Recipe().has_judge


def _settings_of(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        kinds = models_in(field.annotation)
        yield prefix, name
        if len(kinds) == 1 and name not in ("encoders", "pooling"):
            yield from _settings_of(kinds[0], name)


@pytest.mark.parametrize(("section", "name"), list(_settings_of(Recipe, "")))
def test_whatever_setting_is_wrong_no_class_of_a_library_is_named(
    tmp_path: Path, section: str, name: str
) -> None:
    header = f"[{section}]\n" if section else ""
    (tmp_path / "mine.toml").write_text(f"{header}{name} = 1979-05-27\n")
    with pytest.raises(RecipeError) as error:
        read_recipe(tmp_path / "mine.toml")
    assert not re.search(r"instance|Settings|tuple|dictionary|parse", str(error.value))
    assert re.search(r" is not an? | is not true| should be ", str(error.value))


def test_a_pooling_may_be_given_by_its_name_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[encoder]\npooling = "gem"\n')
    assert read_recipe(tmp_path / "mine.toml").encoders[0].pooling == PoolingSettings(name="gem")


def test_a_wrong_pooling_is_named_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[encoder]\npooling = "gemm"\n')
    with pytest.raises(RecipeError, match="unknown pooling 'gemm'; choose one of mac, spoc, gem"):
        make_encoder(read_recipe(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        (KeypointSettings.model_fields["kind"], EXTRACTORS),
        (VerifySettings.model_fields["transform"], VERIFICATIONS),
        (RetrieveSettings.model_fields["distance"], SIMILARITIES),
    ],
)
def test_a_recipe_may_name_every_part_there_is(
    setting: FieldInfo, parts: Mapping[str, object]
) -> None:
    assert set(get_args(setting.annotation)) == set(parts)


def test_a_recipe_may_name_every_refinement_by_names_there_is() -> None:
    names = ExpandByNameSettings.model_fields["variant"].annotation
    assert set(get_args(names)) == set(REFINEMENTS)


def test_a_recipe_may_name_every_scorer_there_is() -> None:
    kinds = {get_args(each.model_fields["kind"].annotation)[0] for each in get_args(ScorerSettings)}
    assert kinds == {*FORMULAS, "cosine_plus_inliers", "judge"}


def test_an_unknown_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(RecipeError, match=r"no recipe 'fastest'; .* default, fast"):
        read_recipe("fastest")
