"""Whole trainings: out comes an encoder, what goes wrong is said, and a kill costs nothing."""

from __future__ import annotations

import csv
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.collection import Collection  # noqa: E402  (after the skip)
from beautylens.errors import EncoderError, ImageError, TableError  # noqa: E402  (as above)
from beautylens.features.encoder.encoder import Encoder  # noqa: E402  (as above)
from beautylens.images.decode import decode  # noqa: E402  (as above)
from beautylens.images.fit import white_pad  # noqa: E402  (as above)
from beautylens.indexing import index, recipe_with  # noqa: E402  (as above)
from beautylens.ingest.fill import Describer  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)
from beautylens.train.pairs import Pairs  # noqa: E402  (as above)
from beautylens.train.run import Trained, Training  # noqa: E402  (as above)
from beautylens.train.settings import TrainSettings  # noqa: E402  (as above)
from beautylens.train.sources import Pictures  # noqa: E402  (as above)
from beautylens.train.start import Start, from_encoder, from_timm  # noqa: E402  (as above)
from beautylens.train.uel import InBatch  # noqa: E402  (as above)
from beautylens.train.validate import Validation  # noqa: E402  (as above)
from tests.conftest import Shop  # noqa: E402  (as above)
from tests.train.conftest import NETWORK, SIDE  # noqa: E402  (as above)

BRIEF = TrainSettings(epochs=2, batch=4, rate=1e-4)
"""So slow that a tiny random network keeps telling pictures apart."""
Kind = Callable[[Training, Path], Trained]

KINDS: dict[str, Kind] = {
    "uel": lambda training, _: training.uel(),
    "bank": lambda training, _: training.uel(bank=True),
    "crop": lambda training, _: training.uel(views="crop"),
    "both": lambda training, _: training.uel(bank=True, views="both"),
    "pairs": lambda training, truth: training.pairs(truth),
    "simulated": lambda training, truth: training.pairs(truth, simulate=True),
    "plain": lambda training, truth: training.pairs(truth, penalty="plain"),
    "titles": lambda training, _: training.titles(),
}


def curves(folder: Path) -> list[dict[str, str]]:
    with (folder / "curves.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [
        *((kind, False) for kind in ("uel", "simulated", "crop", "both")),
        *((kind, True) for kind in KINDS if kind not in {"crop", "both"}),
    ],
)
def test_every_kind_makes_an_encoder_that_a_collection_takes(
    kind: str,
    adapter: bool,
    shop: Shop,
    small_encoder: Path,
    truths: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    start = from_encoder(str(small_encoder), frozen=adapter)
    out = tmp_path / kind
    training = Training(
        start, shop.table, out, BRIEF, adapter=adapter, dimensions=8, validation=truths[1]
    )
    trained = KINDS[kind](training, truths[0])
    assert trained.folder == out
    assert not out.with_name(f"{kind}.training").exists()
    collection = index(shop.table, tmp_path / "c.lens", recipe=recipe_with("fast", str(out)))
    found = collection.search(shop.picture(3), 12)
    scores = {match.product.product_id: match.score for match in found}
    # Eight numbers of a random network rank many packs alike; its own is never among the far ones.
    assert scores["p03"] > 0.5 > min(scores.values())
    assert collection.gallery.rows.dimensions == 8
    rows = curves(out)
    assert [row["epoch"] for row in rows] == ["0.0", "1.0", "2.0"]
    assert all(0 <= float(row["map7"]) <= 1 for row in rows)
    assert (out / "curves.png").read_bytes().startswith(b"\x89PNG")
    told = json.loads((out / "training.json").read_text("utf-8"))
    assert (told["adapter"], told["pictures"], told["seed"]) == (adapter, 12, 0)


def test_an_adapter_has_no_crops(shop: Shop, small_encoder: Path, tmp_path: Path) -> None:
    start = from_encoder(str(small_encoder), frozen=True)
    training = Training(start, shop.table, tmp_path / "out", BRIEF, adapter=True, dimensions=8)
    with pytest.raises(EncoderError, match="caches simulated photos alone; leave out --views"):
        training.uel(views="crop")


@pytest.mark.parametrize("learn", [False, True])
def test_batch_norms_learn_where_the_published_program_lets_them(
    learn: bool, shop: Shop, tmp_path: Path
) -> None:
    start = from_timm(NETWORK, side=SIDE, seed=1)
    before = statistics_of(start.backbone.trunk)
    training = Training(start, shop.table, tmp_path / "out", BRIEF, dimensions=8, learn_norms=learn)
    training.uel(views="crop")
    after = statistics_of(start.backbone.trunk)
    assert len(before) > 10
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True)) != learn
    assert json.loads((tmp_path / "out/training.json").read_text())["learn_norms"] == learn


def statistics_of(trunk: torch.nn.Module) -> list[torch.Tensor]:
    kind = torch.nn.modules.batchnorm._BatchNorm
    norms = [part for part in trunk.modules() if isinstance(part, kind)]
    return [norm.running_mean.clone() for norm in norms]


def test_an_adapter_leaves_the_network_as_it_was(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    start = from_encoder(str(small_encoder), frozen=True, pooling="gem")
    settings = TrainSettings(epochs=2, batch=4, rate=1e-2)
    Training(start, shop.table, tmp_path / "out", settings, adapter=True, dimensions=8).uel()
    assert (tmp_path / "out/graph.onnx").read_bytes() == (small_encoder / "graph.onnx").read_bytes()
    spec = Encoder.load(tmp_path / "out").spec
    assert spec.pooling.name == "gem"
    assert spec.pooling.options["p"] != 3.0


def test_an_adapter_learns_to_know_pictures_again(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    settings = TrainSettings(epochs=8, batch=12, rate=1e-3)
    start = from_encoder(str(small_encoder), frozen=True)
    training = Training(start, shop.table, tmp_path / "out", settings, adapter=True, dimensions=8)
    training.uel()
    losses = [float(row["uel"]) for row in curves(tmp_path / "out")[1:]]
    assert losses[-1] < 0.7 * losses[0]


def test_what_is_written_is_the_best_epoch_and_its_trunk(
    shop: Shop,
    small_encoder: Path,
    truths: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = iter([0.9, 0.1, 0.2])
    monkeypatch.setattr(Validation, "__call__", lambda self, describe: next(told))
    settings = TrainSettings(epochs=2, batch=4, rate=1e-2)
    start = from_encoder(str(small_encoder))
    training = Training(
        start, shop.table, tmp_path / "out", settings, dimensions=8, validation=truths[1]
    )
    assert [row["map7"] for row in training.uel().rows] == [0.9, 0.1, 0.2]
    paths = [shop.picture(number) for number in range(4)]
    one, other = (
        Encoder.load(folder, pooling=PoolingSettings(name="mac"))(paths)
        for folder in (small_encoder, tmp_path / "out")
    )
    np.testing.assert_allclose(one, other, atol=2e-3)


def test_a_trained_network_is_another_one(shop: Shop, small_encoder: Path, tmp_path: Path) -> None:
    settings = TrainSettings(epochs=2, batch=4, rate=1e-3)
    start = from_encoder(str(small_encoder))
    Training(start, shop.table, tmp_path / "out", settings, dimensions=8).uel()
    paths = [shop.picture(number) for number in range(4)]
    one, other = (
        Encoder.load(folder, pooling=PoolingSettings(name="mac"))(paths)
        for folder in (small_encoder, tmp_path / "out")
    )
    assert (one * other).sum(axis=1).min() < 0.999


def test_other_right_products_and_ignored_ones_are_not_pushed_away(
    shop: Shop, small_encoder: Path
) -> None:
    side = Encoder.load(small_encoder).side
    photos = Pictures([shop.photo(0), shop.photo(1)], side)
    pictures = Pictures([shop.picture(number) for number in range(5)], side)
    products = np.arange(5)
    objective = Pairs(photos, pictures, [[0, 2], [1]], products, neutral=[[3], []])
    rng = np.random.default_rng(0)
    objective.begin(lambda source: rng.standard_normal((len(source), 8)).astype(np.float32))
    wrong = objective.extras.wrong.numpy()
    assert set(wrong[0]) == {1, 4}
    assert set(wrong[1]) == {0, 2, 3, 4}
    same, other = objective._masks([0, 1], [0, 1, 2, 3, 4])
    assert same.int().tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 0]]
    assert other.int().tolist() == [[0, 1, 0, 0, 1], [1, 0, 1, 1, 1]]


@pytest.mark.parametrize("kind", ["bank", "simulated"])
def test_the_same_seed_gives_the_same_encoder_and_another_one_another(
    kind: str, shop: Shop, small_encoder: Path, truths: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = []
    for number, seed in enumerate((0, 0, 1)):
        torch.rand(number)  # whatever else draws chance in this process
        out = tmp_path / str(number)
        settings = BRIEF.model_copy(update={"seed": seed})
        start = from_encoder(str(small_encoder), frozen=True)
        training = Training(start, shop.table, out, settings, dimensions=8, adapter=True)
        KINDS[kind](training, truths[0])
        rows.append(Encoder.load(out)([shop.picture(0)]))
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_a_training_killed_in_an_epoch_ends_as_one_that_was_not(
    shop: Shop, small_encoder: Path, truths: tuple[Path, Path], tmp_path: Path
) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        f"""
import sys, time
from pathlib import Path
from beautylens.train import loop
from beautylens.train.run import Training
from beautylens.train.settings import TrainSettings
from beautylens.train.sources import Pictures  # noqa: E402  (as above)
from beautylens.train.start import from_encoder
loop.CHECKPOINT_SECONDS = 0.0
def report(done, total, figures):
    print(done, flush=True)
    time.sleep(0.2 * (sys.argv[2] == "slow"))
Training(from_encoder({str(small_encoder)!r}, frozen=True), Path({str(shop.table)!r}),
         Path(sys.argv[1]), TrainSettings(epochs=2, batch=2, rate=1e-3), adapter=True, dimensions=8,
         report=report,
         validation=Path({str(truths[1])!r})).pairs(Path({str(truths[0])!r}), simulate=True)
""",
        "utf-8",
    )
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([sys.executable, script, whole, "fast"], check=True, capture_output=True)
    with subprocess.Popen(
        [sys.executable, script, broken, "slow"], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if int(line) == 4:  # of seven in the first epoch
                break
        os.kill(first.pid, signal.SIGKILL)
    assert not broken.exists()
    again = subprocess.run(
        [sys.executable, script, broken, "fast"], check=True, capture_output=True, text=True
    )
    assert int(again.stdout.split()[0]) > 1, "it began anew"
    one, other = (Encoder.load(folder) for folder in (whole, broken))
    np.testing.assert_array_equal(one([shop.picture(5)]), other([shop.picture(5)]))
    kept = ("epoch", "pairs", "map7")
    assert [[row[key] for key in kept] for row in curves(whole)] == [
        [row[key] for key in kept] for row in curves(broken)
    ]


def test_a_training_under_way_is_not_gone_on_with_under_other_settings(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    def stop(done: int, total: int, figures: object) -> None:
        if 2 * done > total:
            raise KeyboardInterrupt

    start = from_encoder(str(small_encoder))
    with pytest.raises(KeyboardInterrupt):
        Training(start, shop.table, tmp_path / "out", BRIEF, dimensions=8, report=stop).uel()
    other = BRIEF.model_copy(update={"rate": 5e-3})
    with pytest.raises(EncoderError, match=r"another rate \(0.0001, not 0.005\)"):
        Training(from_encoder(str(small_encoder)), shop.table, tmp_path / "out", other).uel()


def test_training_stops_when_the_quality_stays(
    shop: Shop, small_encoder: Path, truths: tuple[Path, Path], tmp_path: Path
) -> None:
    settings = TrainSettings(epochs=50, batch=12, rate=1e-9, patience=2)
    start = from_encoder(str(small_encoder), frozen=True)
    training = Training(
        start, shop.table, tmp_path / "out", settings, adapter=True, dimensions=8,
        validation=truths[1],
    )  # fmt: skip
    assert [row["epoch"] for row in training.uel().rows] == [0, 1, 2]


def first_terms(
    start: Start, shop: Shop, truth: Path, out: Path, **task: object
) -> dict[str, float]:
    """The terms of the loss of a training's first step, behind which it is stopped."""
    seen: dict[str, float] = {}

    def stop(done: int, total: int, figures: Mapping[str, float]) -> None:
        seen.update(figures)
        raise KeyboardInterrupt

    training = Training(start, shop.table, out, BRIEF, dimensions=8, report=stop)
    with pytest.raises(KeyboardInterrupt):
        training.pairs(truth, simulate=True, **task)
    return seen


def test_a_second_task_is_learnt_beside(
    shop: Shop, truths: tuple[Path, Path], tmp_path: Path
) -> None:
    start = from_timm(NETWORK, side=SIDE, seed=1, pooling="spoc", classes=True)
    terms = first_terms(start, shop, truths[0], tmp_path / "kept", distil=True)
    # The student begins as its teacher.
    assert terms["distillation"] == pytest.approx(0, abs=1e-5)
    assert terms["pairs"] > 0
    classes = tmp_path / "classes"
    for number in range(4):
        (classes / f"c{number % 2}").mkdir(parents=True, exist_ok=True)
        (classes / f"c{number % 2}/{number}.jpg").write_bytes(shop.picture(number).read_bytes())
    (classes / "c0/torn.jpg").write_bytes(b"no picture")
    start = from_timm(NETWORK, side=SIDE, seed=1, pooling="spoc")
    terms = first_terms(start, shop, truths[0], tmp_path / "classed", classes=classes, weight=1.0)
    # ln 2 where nothing is known of two classes.
    assert terms["classes"] == pytest.approx(math.log(2), abs=0.5)


def test_an_unreadable_picture_is_left_out_and_named(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    rows = list(csv.DictReader(shop.table.open(encoding="utf-8")))
    for row in rows:
        row["image"] = str(shop.folder / row["image"])
    (tmp_path / "torn.jpg").write_bytes(shop.picture(2).read_bytes()[:100])
    rows[2]["image"] = str(tmp_path / "torn.jpg")
    table = tmp_path / "t.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    start = from_encoder(str(small_encoder), frozen=True)
    trained = Training(start, table, tmp_path / "out", BRIEF, adapter=True, dimensions=8).uel()
    assert len(trained.unreadable) == 1
    assert "torn.jpg" in trained.unreadable[0]


def test_what_cannot_be_is_said_before_anything_is_made(
    shop: Shop, small_encoder: Path, truths: tuple[Path, Path], tmp_path: Path
) -> None:
    start = from_encoder(str(small_encoder))
    out = tmp_path / "out"
    with pytest.raises(EncoderError, match="already exists; choose another folder"):
        Training(start, shop.table, small_encoder, BRIEF)
    with pytest.raises(EncoderError, match="an adapter needs an encoder file"):
        Training(from_timm(NETWORK, side=SIDE, seed=1), shop.table, out, BRIEF, adapter=True)
    with pytest.raises(TableError, match=r"share \d photos .*validate on other photos"):
        Training(start, shop.table, out, BRIEF, validation=truths[0]).pairs(truths[0])
    with pytest.raises(EncoderError, match="has no classifier to distil"):
        Training(start, shop.table, out, BRIEF).pairs(truths[0], distil=True)
    strange = tmp_path / "strange.csv"
    strange.write_text(truths[0].read_text("utf-8").replace(",p0", ",q0"), "utf-8")
    with pytest.raises(TableError, match="none of its photos has a product of the catalogue"):
        Training(start, shop.table, out, BRIEF).pairs(strange)
    strange.write_text(f"image,product_ids\n{tmp_path / 'gone.jpg'},p00\n", "utf-8")
    with pytest.raises(ImageError, match=r"none of its photos can be read; the first: .*gone\.jpg"):
        Training(start, shop.table, out, BRIEF).pairs(strange)
    assert not out.exists()


def adapter(small_encoder: Path, shop: Shop, out: Path, **settings: object) -> Training:
    start = from_encoder(str(small_encoder), frozen=True)
    wanted = BRIEF.model_copy(update=settings)
    return Training(start, shop.table, out, wanted, adapter=True, dimensions=8)


def test_what_lies_in_the_working_folder_beside_the_training_stays(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "out.training" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine", "utf-8")
    adapter(small_encoder, shop, tmp_path / "out").uel()
    assert list(notes.parent.iterdir()) == [notes]


def test_a_training_that_runs_away_makes_no_encoder(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError, match="try a tenth of the rate"):
        adapter(small_encoder, shop, tmp_path / "out", rate=1e9).uel()
    assert not (tmp_path / "out").exists()


class StoppedError(Exception):
    """Ends a training that has shown what the test needs."""


def test_training_decodes_pictures_as_indexing_and_photos_as_searching_do(
    collection: Collection, small_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Noise, of which each reduction of a JPEG makes something else.
    rng = np.random.default_rng(0)
    files = [tmp_path / f"{name}.jpg" for name in ("one", "two", "three")]
    for file in files:
        noise = rng.integers(0, 256, (2700, 2600, 3), np.uint8)
        noise[:, :1300] //= 4
        Image.fromarray(noise).save(file, quality=50)
    (tmp_path / "t.csv").write_text(
        "\n".join(["product_id,image", *(f"{file.stem},{file}" for file in files)]), "utf-8"
    )
    table = validated_on({files[0]: "one"}, tmp_path)
    trained: list[np.ndarray] = []

    def compare(validation: Validation, _: object) -> float:
        trained.extend((validation.pictures.plain(0), validation.photos.plain(0)))
        raise StoppedError

    monkeypatch.setattr(Validation, "__call__", compare)
    training = Training(
        from_encoder(str(small_encoder)), tmp_path / "t.csv", tmp_path / "out", BRIEF,
        dimensions=2, validation=table, allow_leaks=True,
    )  # fmt: skip
    with pytest.raises(StoppedError):
        training.uel()
    encoder = Encoder.load(small_encoder)
    fitted: list[np.ndarray] = []

    def fit(_: Encoder, picture: np.ndarray) -> np.ndarray:
        fitted.append(white_pad(picture, SIDE))
        return fitted[-1]

    monkeypatch.setattr(Encoder, "fit", fit)
    keypoints = collection.recipe.keypoints
    assert keypoints is not None
    describe = Describer(encoder, keypoints=8, longest=keypoints.longest)
    row = {"image": str(files[0]), "image_id": "one", "product_id": "one", "row": 2}
    list(describe([row], tmp_path))
    searched = white_pad(collection.photo(files[0]).pixels, SIDE)
    assert np.array_equal(trained[0], fitted[0])
    assert np.array_equal(trained[1], searched)
    # The test would show nothing if all were decoded alike.
    assert not np.array_equal(fitted[0], searched)
    assert not np.array_equal(fitted[0], white_pad(decode(files[0], least_side=SIDE), SIDE))


def validated_on(photos: Mapping[Path, str], folder: Path) -> Path:
    rows = [f"{photo},{product}" for photo, product in photos.items()]
    table = folder / "val.csv"
    table.write_text("\n".join(["image,product_ids", *rows]) + "\n", "utf-8")
    return table


def copied(source: Path, to: Path, *, again: bool) -> Path:
    """Copy a picture byte for byte, or smaller and encoded again."""
    if again:
        with Image.open(source) as picture:
            picture.resize((picture.width * 3 // 4, picture.height * 3 // 4)).save(to, quality=70)
    else:
        to.write_bytes(source.read_bytes())
    return to


@pytest.mark.parametrize("again", [False, True])
def test_pictures_of_the_catalogue_are_no_validation_photos_under_any_name(
    shop: Shop, small_encoder: Path, tmp_path: Path, again: bool
) -> None:
    start = from_encoder(str(small_encoder), frozen=True)
    photo = copied(shop.picture(3), tmp_path / "holiday.jpg", again=again)
    table = validated_on({shop.photo(0): "p00", photo: "p03"}, tmp_path)
    said = rf"1 of its photos .*holiday\.jpg \(as {shop.picture(3).name}\).* --allow-leaks"
    with pytest.raises(TableError, match=said):
        Training(start, shop.table, tmp_path / "out", BRIEF, validation=table)
    Training(start, shop.table, tmp_path / "out", BRIEF, validation=table, allow_leaks=True)


@pytest.mark.parametrize("again", [False, True])
def test_photos_trained_on_are_no_validation_photos_under_another_name(
    shop: Shop, small_encoder: Path, truths: tuple[Path, Path], tmp_path: Path, again: bool
) -> None:
    start = from_encoder(str(small_encoder))
    photo = copied(shop.photo(2), tmp_path / "other.jpg", again=again)
    table = validated_on({shop.photo(1): "p01", photo: "p02"}, tmp_path)
    training = Training(start, shop.table, tmp_path / "out", BRIEF, validation=table)
    with pytest.raises(TableError, match=r"share 1 photos .*other\.jpg"):
        training.pairs(truths[0])


def test_a_training_that_diverged_does_not_block_the_corrected_one(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError, match="training diverges; try a tenth of the rate"):
        adapter(small_encoder, shop, tmp_path / "out", rate=1000.0).uel()
    adapter(small_encoder, shop, tmp_path / "out").uel()
    assert (tmp_path / "out" / "encoder.json").is_file()


def test_a_training_that_failed_before_its_first_step_does_not_block_another(
    shop: Shop, small_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(InBatch, "loss", fail)
        with pytest.raises(StoppedError):
            adapter(small_encoder, shop, tmp_path / "out", batch=3).uel()
    assert (tmp_path / "out.training" / "checkpoint.safetensors").is_file()
    adapter(small_encoder, shop, tmp_path / "out").uel()
    assert (tmp_path / "out" / "encoder.json").is_file()


def test_products_that_share_one_picture_teach_nothing(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    rows = [f"p{number},{shop.picture(0)}" for number in range(6)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["product_id,image", *rows]) + "\n", "utf-8")
    start = from_encoder(str(small_encoder), frozen=True)
    with pytest.raises(TableError, match="all 6 pictures of the catalogue are the same file"):
        Training(start, table, tmp_path / "out", BRIEF, adapter=True, dimensions=4).uel()


def test_validation_photos_that_cannot_be_read_are_not_called_unknown_products(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    table = validated_on({tmp_path / "gone.jpg": "p00", shop.photo(1): ""}, tmp_path)
    start = from_encoder(str(small_encoder), frozen=True)
    with pytest.raises(ImageError, match=r"of products of the catalogue can be read; .*gone\.jpg"):
        Training(start, shop.table, tmp_path / "out", BRIEF, validation=table)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "ACCELERATE_MIXED_PRECISION",
            "bf16",
            "bf16, and --precision to no; give",
        ),
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4", "over 4 steps, .* with --batch"),
    ],
)
def test_settings_of_accelerate_that_are_not_followed_are_refused(
    shop: Shop,
    small_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(EncoderError, match=said):
        adapter(small_encoder, shop, tmp_path / "out").uel()
    monkeypatch.setenv(name, {"bf16": "no", "4": "1"}[value])
    assert adapter(small_encoder, shop, tmp_path / "out").uel().rows


def test_photos_of_unknown_products_are_told(
    shop: Shop, small_encoder: Path, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    rows = [f"{shop.photo(0)},p00", f"{shop.photo(1)},nope", f"{shop.photo(2)},"]
    truth.write_text("\n".join(["image,product_ids", *rows]) + "\n", "utf-8")
    trained = adapter(small_encoder, shop, tmp_path / "out").pairs(truth, simulate=True)
    assert trained.unmatched == (str(shop.photo(1)),)


def test_one_photo_alone_teaches_nothing(shop: Shop, small_encoder: Path, tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(f"image,product_ids\n{shop.photo(0)},p00\n", "utf-8")
    with pytest.raises(EncoderError, match="1 items are too few to train on; give at least 2"):
        adapter(small_encoder, shop, tmp_path / "out").pairs(truth)
