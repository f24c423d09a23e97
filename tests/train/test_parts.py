"""Parts of a training by themselves: labels, hard negatives, the measure, blending, schedules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from beautylens.errors import EncoderError, TableError  # noqa: E402  (after the skip)
from beautylens.evaluation.metrics import average_precision  # noqa: E402  (as above)
from beautylens.features.encoder.encoder import Encoder  # noqa: E402  (as above)
from beautylens.features.export.backbones import build_backbone  # noqa: E402  (as above)
from beautylens.features.export.timm import export_backbone  # noqa: E402  (as above)
from beautylens.features.export.trainable import to_trainable  # noqa: E402  (as above)
from beautylens.images.decode import decode  # noqa: E402  (as above)
from beautylens.images.fit import white_pad  # noqa: E402  (as above)
from beautylens.recipe.settings import PoolingSettings  # noqa: E402  (as above)
from beautylens.train.blend import blend  # noqa: E402  (as above)
from beautylens.train.mining import hard_negatives  # noqa: E402  (as above)
from beautylens.train.settings import PUBLISHED_UEL, TrainSettings  # noqa: E402  (as above)
from beautylens.train.sources import CachedMaps, Pictures  # noqa: E402  (as above)
from beautylens.train.titles import labels_of, ngrams  # noqa: E402  (as above)
from beautylens.train.uel import InBatch  # noqa: E402  (as above)
from beautylens.train.validate import map_at_7  # noqa: E402  (as above)
from tests.conftest import Shop  # noqa: E402  (as above)
from tests.train.conftest import NETWORK, SIDE  # noqa: E402  (as above)


def units(rows: int, dimensions: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).standard_normal((rows, dimensions)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_ngrams_are_runs_of_one_to_three_words() -> None:
    assert ngrams("Rouge Dior, 999 Velvet") == {
        "rouge", "dior", "999", "velvet", "rouge dior", "dior 999", "999 velvet",
        "rouge dior 999", "dior 999 velvet",
    }  # fmt: skip
    assert ngrams("") == set()


def test_labels_are_the_commonest_ngrams_that_products_share() -> None:
    titles = ["Day Cream rose", "Day Cream mint", "Night Cream", "Soap"]
    chosen, marks = labels_of(titles)
    assert chosen == ["cream", "day", "day cream"]
    assert marks.toarray().tolist() == [[1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]]
    assert labels_of(titles, most=1)[0] == ["cream"]
    # Two pictures of one product are one title.
    with pytest.raises(TableError, match="no two titles share a word"):
        labels_of(["one", "one", "two"])


def test_hard_negatives_are_the_nearest_pictures_of_other_products() -> None:
    photos, products = units(5, 8, 1), np.arange(40) // 4
    answers = [{0}, {1, 2}, {3}, {4}, set(range(9))]
    for pictures, count in ((units(40, 8, 2), 6), (units(40, 8, 2), 50)):
        found = hard_negatives(photos, pictures, products, answers, count)
        for photo, right, row in zip(photos, answers, found, strict=True):
            order = np.argsort(-(pictures @ photo))
            wrong = [place for place in order if products[place] not in right]
            assert row.tolist() == [wrong[n % len(wrong)] for n in range(count)]


def test_photos_of_every_product_have_nothing_to_be_told_from() -> None:
    with pytest.raises(TableError, match="has every product of the catalogue"):
        hard_negatives(units(1, 4, 1), units(3, 4, 2), np.zeros(3, int), [{0}], 2)


def test_the_measure_is_that_of_evaluation() -> None:
    rng = np.random.default_rng(0)
    products = [f"p{number // 2}" for number in range(30)]
    scores = rng.random((4, 30)).astype(np.float32)
    right = [frozenset({"p1"}), frozenset({"p2", "p9"}), frozenset(), frozenset({"p14"})]
    ignore = [frozenset[str](), frozenset({"p3"}), frozenset[str](), frozenset[str]()]
    expected = []
    for row, answers, ignored in zip(scores, right, ignore, strict=True):
        best = {p: max(row[n] for n in range(30) if products[n] == p) for p in set(products)}
        ranking = sorted(best, key=lambda p: -best[p])
        if answers:
            expected.append(
                average_precision(ranking, answers, ignore=ignored, denominator="challenge")
            )
    assert map_at_7(scores, products, right, ignore) == pytest.approx(np.mean(expected))


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    settings = TrainSettings()
    rates = [settings.rate_at(step, 100) for step in range(101)]
    assert rates[0] < rates[4] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)
    assert [PUBLISHED_UEL.rate_at(e, 100) for e in (0, 19, 20, 39, 40, 99)] == [
        1.0, 1.0, 0.1, 0.1, 0.01, 0.01,
    ]  # fmt: skip


def test_views_depend_on_their_chance_alone(shop: Shop) -> None:
    pictures = Pictures([shop.picture(0), shop.picture(1)], 96)
    for see in (pictures.jittered, pictures.simulated):
        one, again, other = (see(1, np.random.default_rng(seed)) for seed in (3, 3, 4))
        assert one.shape == (96, 96, 3)
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, again)
        assert not np.array_equal(one, other)


def test_cached_views_are_drawn_among_those_that_were_kept() -> None:
    plain = np.arange(2 * 3, dtype=np.float16).reshape(2, 3, 1, 1)
    views = np.arange(2 * 4 * 3, dtype=np.float16).reshape(2, 4, 3, 1, 1)
    maps = CachedMaps(plain, views)
    assert len(maps) == 2
    np.testing.assert_array_equal(maps.plain(1), plain[1])
    drawn = {float(maps.simulated(1, np.random.default_rng(n))[0, 0, 0]) for n in range(40)}
    assert drawn == set(views[1, :, 0, 0, 0].tolist())


def test_a_blend_lies_between_its_two_encoders(small_encoder: Path, tmp_path: Path) -> None:
    backbone = build_backbone(NETWORK, side=SIDE, seed=2)
    export_backbone(backbone, tmp_path / "other", pooling=PoolingSettings(name="spoc"))
    folders = (small_encoder, tmp_path / "other", tmp_path / "made")
    blend(Encoder.load(folders[0]), Encoder.load(folders[1]), 0.25, folders[2])
    loaded = [Encoder.load(folder) for folder in folders]
    rows = [list(to_trainable(each.graph, each.spec).trunk.parameters()) for each in loaded]
    for one, other, made in zip(*rows, strict=True):
        np.testing.assert_allclose(
            made.detach(), (0.75 * one + 0.25 * other).detach(), rtol=2e-3, atol=2e-3
        )


def test_encoders_of_two_kinds_are_not_blended(tmp_path: Path) -> None:
    one = Encoder.load("default", side=64)
    other = Encoder.load("default", side=64, pooling=PoolingSettings(name="gem"))
    with pytest.raises(EncoderError, match="differ in layers, pooling or projection"):
        blend(one, other, 0.5, tmp_path / "b")


def test_crops_are_squares_of_the_padded_picture_mirrored_half_of_the_time(shop: Shop) -> None:
    pictures = Pictures([shop.picture(2)], 56)
    # 64 = 56 * 256 / 224.
    whole = white_pad(decode(shop.picture(2), least_side=64), 64)
    squares = {}
    for top in range(9):
        for left in range(9):
            part = whole[top : top + 56, left : left + 56]
            squares[part.tobytes()] = False
            squares[part[:, ::-1].tobytes()] = True
    found = [pictures.cropped(0, np.random.default_rng(seed)) for seed in range(60)]
    mirrored = [squares[crop.tobytes()] for crop in found]
    assert 15 < sum(mirrored) < 45
    assert len({crop.tobytes() for crop in found}) > 20


class Named:
    """A source that names its views instead of making them."""

    def __len__(self) -> int:
        return 1

    def plain(self, index: int) -> str:
        return "plain"

    def simulated(self, index: int, rng: np.random.Generator) -> str:
        return "photo"

    jittered = simulated

    def cropped(self, index: int, rng: np.random.Generator) -> str:
        return "crop"


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ("photo", {("plain", "photo")}),
        ("crop", {("crop", "crop")}),
        ("both", {("crop", "crop"), ("crop", "photo")}),
    ],
)
def test_the_views_of_uel(views: str, expected: set[tuple[str, str]]) -> None:
    objective = InBatch(Named(), views=views)
    items = [objective.load(0, np.random.default_rng(seed)) for seed in range(30)]
    assert {(item["picture"], item["twin"]) for item in items} == expected
