"""Results are written with all that they depend on, and repeated to the last digit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from beautylens.collection import Collection
from beautylens.errors import TableError
from beautylens.evaluation.calibration.calibrate import recipe_parameters, store_parameters
from beautylens.evaluation.evaluate import evaluate
from beautylens.evaluation.exchange.folder import read_results, replay, write_results
from beautylens.evaluation.exchange.photos import measures_by_photo, read_photos
from beautylens.evaluation.metrics import MEASURES, measures_of
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import JudgeSettings
from tests.conftest import Shop, make_shop, write_table


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("shop"), 12)


@pytest.fixture(scope="module")
def collection(shop: Shop) -> Collection:
    return build(shop.table, shop.folder / "c.lens", recipe="fast")[0]


@pytest.fixture(scope="module")
def truth(shop: Shop) -> Path:
    rows = [
        {"image": f"photos/{n:02}.jpg", "product_ids": ids, "ignore_ids": "", "kind": kind}
        for n, ids, kind in ((0, "p00", "box"), (1, "p01;p02", "box"), (2, "", ""), (4, "p07", ""))
    ]
    return write_table(shop.folder / "truth.csv", rows)


@pytest.fixture(scope="module")
def folder(collection: Collection, truth: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("results") / "r"
    write_results(evaluate(collection, str(truth), leave_out=True), written)
    return written


def test_the_folder_names_what_the_results_depend_on(collection: Collection, folder: Path) -> None:
    about = read_results(folder)
    assert about["collection"] == collection.address
    assert about["options"] == {"leave_out": True, "allow_leaks": False}
    assert about["digests"]["encoder"] == collection.encoder.fingerprint
    assert about["recipe"]["name"] == "fast"
    assert {"beautylens", "python", "numpy", "openvino"} <= set(about["versions"])
    assert about["seeds"] == {"bootstrap": 0}
    assert read_recipe(folder / "recipe.toml") == collection.recipe
    qrels = (folder / "qrels.trec").read_text().splitlines()
    assert [line.split()[2] for line in qrels] == ["p00", "p01", "p02", "p07"]


def test_photos_have_the_measures_to_their_last_digit(
    collection: Collection, truth: Path, folder: Path
) -> None:
    measured = evaluate(collection, str(truth), leave_out=True)
    expected = {
        str(row.image.absolute()): measures_of(row) for row in measured.results if row.truths
    }
    assert measures_by_photo(folder / "photos.csv") == expected
    assert len(expected) == 3
    assert len(MEASURES) == len(next(iter(expected.values())))


def test_a_replay_repeats_every_value(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = replay(folder)
    assert found.results == ()
    assert found.circumstances == ()
    photos = read_photos(folder / "photos.csv")
    assert len(photos) == 7
    assert found.compared > len(photos) * len(photos[0])


def test_a_collection_is_found_from_any_folder(
    collection: Collection, truth: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = Path(collection.address)
    monkeypatch.chdir(address.parent)
    write_results(evaluate(address.name, truth.name), tmp_path / "r")
    monkeypatch.chdir(tmp_path)
    assert replay(tmp_path / "r").results == ()


def test_other_parameters_of_the_judge_are_named(shop: Shop, truth: Path, tmp_path: Path) -> None:
    recipe = read_recipe("fast").model_copy(update={"scorer": JudgeSettings(kind="judge")})
    judged, _ = build(shop.table, tmp_path / "judged.lens", recipe=recipe)
    write_results(evaluate(judged, str(truth)), tmp_path / "r")
    store_parameters(judged, replace(recipe_parameters(judged), made={"photos": 3}))
    assert "digests judge" in [change.where for change in replay(tmp_path / "r").circumstances]


def test_a_replay_names_what_changed(folder: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(folder, tmp_path / "changed")
    about = json.loads((changed / "results.json").read_text())
    about["figures"]["overall"]["mrr"] = 0.1234
    about["versions"]["numpy"] = "0.1"
    (changed / "results.json").write_text(json.dumps(about))
    text = (changed / "photos.csv").read_text()
    value = read_photos(folder / "photos.csv")[0]["visual"]
    (changed / "photos.csv").write_text(text.replace(value, f"{value}1", 1))
    found = replay(changed)
    assert [change.where for change in found.circumstances] == ["versions numpy"]
    figure, photo = found.results
    assert (figure.where, figure.before) == ("figures overall mrr", "0.1234")
    assert photo.where.endswith("00.jpg visual")
    assert (photo.before, photo.now) == (f"{value}1", value)


def test_a_replay_says_that_the_gallery_is_another(shop: Shop, truth: Path, tmp_path: Path) -> None:
    own, _ = build(shop.table, tmp_path / "own.lens", recipe="fast")
    write_results(evaluate(own, str(truth)), tmp_path / "r")
    own.remove(["p01"])
    found = replay(tmp_path / "r")
    assert "digests gallery" in [change.where for change in found.circumstances]
    assert any(change.where.startswith("figures overall") for change in found.results)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 99}'])
def test_what_is_no_folder_of_results_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(TableError, match=r"holds no results|has format 99, not 1; upgrade"):
        read_results(tmp_path)
    with pytest.raises(TableError, match="holds no results"):
        read_results(tmp_path / "nowhere")


def test_a_csv_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("image,product_ids\na.jpg,p1\n")
    with pytest.raises(TableError, match="has no column left_out; give the results of"):
        read_photos(tmp_path / "a.csv")
    with pytest.raises(TableError, match="cannot be read"):
        read_photos(tmp_path / "none.csv")
