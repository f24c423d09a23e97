"""The command `tune` to its end, on a rendered shop with a small network: a minute."""

from __future__ import annotations

import csv
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from typer.testing import CliRunner, Result

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.cli import app
from beautylens.evaluation.tune import descriptors, measure, tune
from beautylens.evaluation.tune.axes import axes
from beautylens.features.encoder.encoder import Encoder
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe
from tests.conftest import Shop, draw_pack, make_shop, photograph, write_table
from tests.pages import blocks
from tests.stand_ins import write_stand_in


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Twelve products, two photos of each, and a recipe with a small network."""
    shop = make_shop(tmp_path_factory.mktemp("tune") / "shop", 12)
    write_stand_in(shop.folder / "tiny", 1)
    rows = []
    for number in range(24):
        pack = photograph(draw_pack(number % 12), number)
        cv2.imwrite(str(shop.folder / f"photos/t{number:02}.jpg"), pack)
        rows.append({"image": f"photos/t{number:02}.jpg", "product_ids": f"p{number % 12:02}"})
    write_table(shop.folder / "truth.csv", rows)
    (shop.folder / "start.toml").write_text('[encoder]\nfile = "tiny"\n')
    return shop


@pytest.fixture(scope="module", autouse=True)
def _few_options() -> Iterator[None]:
    """Of each setting a few options, none of which reads print: that takes seconds a photo."""

    def few(*recipes: Any) -> list[Any]:
        printed, _, depths, *_ = axes(*recipes)
        return [printed[:2], depths[:1]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune, "axes", few)
        patch.setattr(measure, "TIMED", 2)
        patch.setattr(descriptors, "SHARES", (1.0,))
        patch.setattr(descriptors, "POOLINGS", ("mac", "rmac"))
        yield


def run(shop: Shop, out: Path, *options: str, truth: str = "truth.csv") -> Result:
    start = ["--recipe", str(shop.folder / "start.toml")]
    arguments = [str(shop.table), str(shop.folder / truth), str(out), *start, *options]
    return CliRunner().invoke(app, ["tune", *arguments])


@pytest.fixture(scope="module")
def tuned(studio: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A first run's folder, which no test writes to, and what the run said."""
    out = tmp_path_factory.mktemp("tuned") / "out"
    return out, run(studio, out)


@pytest.fixture
def out(tuned: tuple[Path, Result], tmp_path: Path) -> Path:
    """A copy of that folder, to tune into again."""
    return Path(shutil.copytree(tuned[0], tmp_path / "out"))


def test_tuning_writes_a_recipe_that_indexes_and_is_no_worse(
    studio: Shop, tuned: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, answered = tuned
    assert answered.exit_code == 0, answered.output
    said = " ".join(answered.stderr.split())
    assert "On 12 held-out photos: mAP@7" in said
    assert f"beautylens index {studio.table} tuned.lens --recipe {out}/best.toml" in said
    with (out / "tried.csv").open() as file:
        lines = list(csv.DictReader(file))
    recipes = [line for line in lines if line["stage"] == "recipe"]
    (start,) = [line for line in recipes if line["start"] == "1"]
    (chosen,) = [line for line in recipes if line["chosen"] == "1"]
    assert float(chosen["map7"]) == max(float(line["map7"]) for line in recipes)
    assert float(chosen["map7"]) >= float(start["map7"])
    # The encoder's path holds from anywhere.
    monkeypatch.chdir(tmp_path)
    collection, _ = build(studio.table, tmp_path / "tuned.lens", recipe=out / "best.toml")
    assert collection.recipe.name == "tuned"
    assert len(collection) == 12


def test_a_repeated_run_describes_and_searches_nothing_again(
    studio: Shop, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (out / "tried.csv").read_bytes()

    def refuse(*_: object) -> None:
        raise AssertionError("described again")

    monkeypatch.setattr(Encoder, "outputs", refuse)
    answered = run(studio, out, "--budget", "100000")
    assert answered.exit_code == 0, answered.output
    assert (out / "tried.csv").read_bytes() == before


def test_an_interrupted_run_goes_on_from_what_was_described(
    studio: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[int] = []
    outputs = Encoder.outputs

    def counted(encoder: Encoder, fitted: Any) -> Any:
        described.append(len(fitted))
        if len(described) == interrupt:
            raise KeyboardInterrupt
        return outputs(encoder, fitted)

    monkeypatch.setattr(Encoder, "outputs", counted)
    rows, start = read_truth(studio.folder / "truth.csv"), read_recipe(studio.folder / "start.toml")

    def describe(folder: Path) -> int:
        described.clear()
        tune.Tuning(read_catalogue(studio.table), rows, folder, start).describe()
        return len(described)

    interrupt = -1
    whole = describe(tmp_path / "whole")
    interrupt = 2
    with pytest.raises(KeyboardInterrupt):
        describe(tmp_path / "interrupted")
    interrupt = -1
    # The catalogue's twelve pictures were one batch.
    assert describe(tmp_path / "interrupted") == whole - 1


def test_a_budget_that_nothing_fits_is_told_with_the_fastest(studio: Shop, out: Path) -> None:
    answered = run(studio, out, "--budget", "1")
    assert answered.exit_code == 0, answered.output
    assert "No recipe takes at most 1 ms per query; wrote the fastest" in answered.stderr
    with (out / "tried.csv").open() as file:
        recipes = [line for line in csv.DictReader(file) if line["stage"] == "recipe"]
    (chosen,) = [line for line in recipes if line["chosen"] == "1"]
    assert float(chosen["milliseconds"]) == min(float(line["milliseconds"]) for line in recipes)


def test_without_matplotlib_everything_but_the_curve_is_written(
    studio: Shop, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    answered = run(studio, out)
    assert answered.exit_code == 0, answered.output
    assert "pip install '.[train]'" in answered.stderr
    assert read_recipe(out / "best.toml").name == "tuned"


def test_few_photos_all_choose_and_that_is_told(studio: Shop, out: Path) -> None:
    rows = [
        {"image": "photos/t00.jpg", "product_ids": "p00"},
        {"image": "photos/t01.jpg", "product_ids": "p01"},
        {"image": "photos/t02.jpg", "product_ids": ""},
    ]
    write_table(studio.folder / "few.csv", rows)
    answered = run(studio, out, truth="few.csv")
    assert answered.exit_code == 0, answered.output
    assert "With fewer than 20 photos none are held out" in answered.stderr
    assert "Not used: 1 photo of products that are not in the catalogue" in answered.stderr


def test_the_commands_of_the_guide_run_as_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_shop(tmp_path / "shop", 4)
    shop.table.rename(shop.folder / "products.csv")
    for truth, number in (("truth.csv", 0), ("other-photos.csv", 1)):
        photo = {"image": str(shop.photo(number)), "product_ids": f"p{number:02}"}
        write_table(shop.folder / truth, [photo])
    write_stand_in(shop.folder / "own", 1)
    write_stand_in(tmp_path / "home" / "densenet201.tv_in1k", 2)
    monkeypatch.setenv("BEAUTYLENS_ENCODERS", str(tmp_path / "home"))
    monkeypatch.chdir(shop.folder)
    # The start alone: its print is read, which takes seconds a photo.
    monkeypatch.setattr(tune, "axes", lambda *_: [])
    shown = "".join(block.text for block in blocks("docs/tuning.md") if block.language == "sh")
    for line in shown.splitlines():
        answered = CliRunner().invoke(app, shlex.split(line)[1:])
        assert answered.exit_code == 0, (line, answered.output)
    assert shown.count("beautylens tune ") == 2
