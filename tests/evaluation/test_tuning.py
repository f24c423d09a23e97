"""Tuning: the halves of the photos, the search, the front, and what is kept and written."""

from __future__ import annotations

import csv
import itertools
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import TruthRow
from beautylens.errors import TableError
from beautylens.evaluation.metrics import average_precision
from beautylens.evaluation.tune.axes import axes, completed, in_words
from beautylens.evaluation.tune.cache import Memory
from beautylens.evaluation.tune.descriptors import (
    WHITENED,
    Descriptor,
    Descriptors,
    bare,
    finalists,
    sides,
)
from beautylens.evaluation.tune.files import draw_curve, write_tried
from beautylens.evaluation.tune.measure import Trials
from beautylens.evaluation.tune.photos import FEWEST, MOST, split_photos
from beautylens.evaluation.tune.search import Figures, Tried, best, front, sweep
from beautylens.evaluation.tune.tune import GALLERY, Tuned, Tuning
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.whitening import Whitening
from beautylens.images.decode import decode
from beautylens.images.fit import centre
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    EncoderSettings,
    ProjectionSettings,
    RetrieveSettings,
    VerifySettings,
)
from beautylens.recipe.settings import PoolingSettings
from beautylens.recipe.write import write_recipe
from tests.conftest import Shop
from tests.stand_ins import write_stand_in


def photo(number: int, *products: str) -> TruthRow:
    return TruthRow(Path(f"{number}.jpg"), frozenset(products), row=number)


def figures(map7: float, milliseconds: float) -> Figures:
    return Figures((map7,), milliseconds)


def recipe(depth: int = 100, views: tuple[float, ...] = (1.0,)) -> Recipe:
    return Recipe(retrieve=RetrieveSettings(depth=depth, views=views))


def tried(*points: tuple[float, float]) -> list[Tried]:
    return [Tried(recipe(depth), figures(*point)) for depth, point in enumerate(points, 1)]


def test_no_product_is_in_both_halves_and_no_photo_is_lost() -> None:
    draw = np.random.default_rng(3)
    names = [f"p{n}" for n in range(30)]
    rows = [photo(n, *draw.choice(names, draw.choice((1, 1, 1, 2)))) for n in range(60)]
    photos = split_photos(rows, names)
    chosen, reported = (
        {product for row in half for product in row.product_ids}
        for half in (photos.choosing, photos.reporting)
    )
    assert not chosen & reported
    assert sorted(r.row for r in (*photos.choosing, *photos.reporting)) == list(range(60))


def test_the_same_products_are_split_alike_whatever_their_order() -> None:
    names = [f"p{n}" for n in range(40)]
    rows = [photo(n, name) for n, name in enumerate(names)]
    photos = split_photos(rows, names)
    assert split_photos(rows[::-1], names) == photos
    assert len(photos.choosing) == len(photos.reporting) == 20


def test_too_few_photos_all_choose_and_rows_without_a_known_product_are_left_out() -> None:
    rows = [photo(n, f"p{n}") for n in range(FEWEST - 1)]
    photos = split_photos([*rows, photo(90), photo(91, "gone")], [f"p{n}" for n in range(40)])
    assert photos.choosing == tuple(rows)
    assert photos.reporting == ()
    assert (photos.left_out, photos.absent) == (1, 1)
    with pytest.raises(TableError, match="none of the 1 rows of the truth names a product"):
        split_photos([photo(1, "gone")], ["p1"])


def test_of_very_many_photos_some_are_taken_evenly() -> None:
    names = [f"p{n}" for n in range(5 * MOST)]
    photos = split_photos([photo(n, name) for n, name in enumerate(names)], names)
    assert len(photos.choosing) == len(photos.reporting) == MOST
    rows = [row.row for row in photos.choosing]
    assert rows == sorted(set(rows))


def test_the_front_is_what_no_other_beats_on_both() -> None:
    draw = np.random.default_rng(5)
    points = [(draw.integers(12) / 12, float(draw.integers(1, 20))) for _ in range(60)]
    for size in (1, 5, 60):
        some = tried(*points[:size])
        slow = {
            (one.figures.map7, one.figures.milliseconds)
            for one in some
            if not any(
                other.figures.map7 >= one.figures.map7
                and other.figures.milliseconds <= one.figures.milliseconds
                and (other.figures.map7, other.figures.milliseconds)
                != (one.figures.map7, one.figures.milliseconds)
                for other in some
            )
        }
        found = [(t.figures.map7, t.figures.milliseconds) for t in front(some)]
        assert set(found) == slow
        assert found == sorted(found)


def test_the_best_is_the_most_precise_within_the_budget_and_the_faster_of_equals() -> None:
    some = tried((0.9, 300), (0.8, 120), (0.8, 90), (0.5, 20))
    assert best(some).figures.map7 == 0.9
    assert best(some, 200) is some[2]
    assert best(some, 50) is some[3]
    # Where nothing fits, the fastest.
    assert best(some, 10) is some[3]


def test_a_sweep_finds_the_known_optimum_of_settings_that_do_not_mix() -> None:
    quality = {30: 0.1, 100: 0.2, 300: 0.3}
    asked: list[Recipe] = []

    def measure(of: Recipe) -> Figures:
        asked.append(of)
        views = len(of.retrieve.views)
        return figures(quality[of.retrieve.depth] + views / 10, of.retrieve.depth + 50 * views)

    start = recipe(100, (1.0, 0.75))
    settings = axes(start, start)[2:4]
    found = list(sweep(start, settings, measure))
    assert [t.recipe for t in found] == asked
    every = [Tried(r, measure(r)) for r in (
        recipe(depth, views) for depth, views in itertools.product(
            quality, [(1.0,), (1.0, 0.75), (1.0, 0.75, 0.5)]))]  # fmt: skip
    for budget in (None, 300, 250, 120):
        reached = best(sweep(start, settings, measure, budget), budget)
        assert reached.figures == best(every, budget).figures


def test_options_that_do_not_go_with_a_recipe_are_left_out() -> None:
    start = Recipe(retrieve=RetrieveSettings(distance="l1"))
    full = completed(start, texts=False)
    assert full.vlad is None
    assert full.expand_by_name is None
    found = list(sweep(start, axes(start, full), lambda _: figures(0.5, 10)))
    assert all(t.recipe.expand is None for t in found)
    assert len({t.recipe.model_dump_json() for t in found}) == len(found)


@pytest.mark.parametrize("name", ["default", "fast", "best"])
def test_a_completed_recipe_has_rows_for_every_option(name: str) -> None:
    start = read_recipe(name)
    full = completed(start, texts=True)
    assert full.encoders == start.encoders
    assert None not in (full.keypoints, full.vlad, full.colour, full.read, full.expand_by_name)
    reached = list(sweep(start, axes(start, full), lambda r: figures(len(in_words(r)) / 200, 1)))
    kinds = {t.recipe.verify.transform for t in reached if t.recipe.verify}
    assert kinds == {"none", "similarity", "affine", "homography"}
    for t in reached:
        assert t.recipe.keypoints in (None, full.keypoints)
        assert t.recipe.vlad in (None, full.vlad)


def test_input_sides_are_multiples_of_the_stride_and_keep_the_recipes_own(tmp_path: Path) -> None:
    folder = write_stand_in(tmp_path / "tiny", 1)
    own = EncoderSettings(file=str(folder))
    found = sides(own)
    assert [each.side for each in found] == [48, 64, None, 128]
    assert own in found
    wider = EncoderSettings(file=str(folder), side=192)
    assert wider in sides(wider)


@pytest.fixture(scope="module")
def compared(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Recipe, list[Descriptor], list[TruthRow]]:
    folder = tmp_path_factory.mktemp("tuning")
    own = EncoderSettings(file=str(write_stand_in(folder / "tiny", 1)))
    start = Recipe(encoders=(own,), retrieve=RetrieveSettings(depth=5, views=(1.0, 0.5)))
    photos = [TruthRow(shop.photo(n), frozenset({f"p{n:02}"}), row=n) for n in range(4)]
    rows = Descriptors(read_catalogue(shop.table), photos, start, Memory(folder / "work"))
    return start, list(rows.compare(own)), photos


def test_a_descriptor_scores_as_a_slow_search_of_its_recipe(
    shop: Shop, compared: tuple[Recipe, list[Descriptor], list[TruthRow]]
) -> None:
    start, found, photos = compared
    pictures = [shop.picture(n) for n in range(12)]
    for pooling, projection in ((None, None), ("rmac", WHITENED)):
        chosen = start.encoders[0]
        if pooling:
            chosen = chosen.model_copy(update={"pooling": PoolingSettings(name=pooling)})
        wanted = bare(start).model_copy(update={"encoders": (chosen,), "projection": projection})
        (descriptor,) = [each for each in found if each.recipe == wanted]
        encoder = Encoder.load(chosen.file, pooling=chosen.pooling)
        rows = encoder(pictures)
        learnt = Whitening.fit(rows, 11, power=0.5) if projection else lambda same: same
        hits = 0
        for row, precision in zip(photos, descriptor.figures.precisions, strict=True):
            views = [
                learnt(encoder([centre(decode(row.image, least_side=round(96 / share)), share)]))[0]
                for share in (1.0, 0.5)
            ]
            cosines = learnt(rows) @ np.sum(views, axis=0)
            ranking = [f"p{n:02}" for n in np.argsort(-cosines)[:5]]
            hits += bool(row.product_ids & set(ranking))
            assert precision == pytest.approx(
                average_precision(ranking, row.product_ids, denominator="challenge")
            )
        assert descriptor.recall == hits / 4


def test_those_who_go_on_are_the_recipes_own_the_best_and_a_faster_one() -> None:
    start = recipe()
    ways = [
        start.model_copy(update={"projection": ProjectionSettings(dimensions=n)}) for n in (1, 2, 3)
    ]
    own, good, fast, faster = (
        Descriptor(bare(r), figures(*point), recall)
        for r, point, recall in zip(
            [start, *ways], [(0.5, 40), (0.9, 50), (0.7, 20), (0.6, 10)], [0.8, 0.9, 0.9, 0.8],
            strict=True,
        )
    )  # fmt: skip
    assert finalists([own, good, fast, faster], start) == [own, good, fast]
    assert finalists([own], start) == [own]


def test_a_recipe_that_was_written_is_read_back_the_same(tmp_path: Path) -> None:
    encoder = EncoderSettings(
        file=str(write_stand_in(tmp_path / 'a "quoted" é folder', 1)),
        side=96,
        pooling=PoolingSettings(name="gem", options={"p": 4.0}),
    )
    full = completed(read_recipe("default"), texts=True)
    for start in (*map(read_recipe, ("default", "fast")), full):
        for made in sweep(start, axes(start, full), lambda _: figures(0, 1)):
            wanted = made.recipe.model_copy(
                update={"name": "tuned", "encoders": (encoder,), "projection": WHITENED}
            )
            write_recipe(tmp_path / "best.toml", wanted, "what it is")
            assert read_recipe(tmp_path / "best.toml") == wanted
    assert "encoder" in tomllib.loads((tmp_path / "best.toml").read_text("utf-8"))


def test_the_table_has_a_line_for_all_that_was_tried_and_the_curve_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra train")
    some = tried((0.5, 20), (0.4, 30), (0.9, 200))
    alone = (Descriptor(bare(recipe()), figures(0.3, 5), 0.75),)
    tuned = Tuned(some[1], some[0], tuple(some), alone, 100, None, None)
    write_tried(tmp_path / "tried.csv", tuned)
    with (tmp_path / "tried.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["stage"] for line in lines] == ["descriptor", *["recipe"] * 3]
    assert [line["front"] for line in lines] == ["", "1", "0", "1"]
    assert [line["chosen"] for line in lines] == ["", "1", "0", "0"]
    assert lines[3]["map7"] == "0.9"
    draw_curve(tmp_path / "curve.png", tuned)
    assert (tmp_path / "curve.png").stat().st_size > 10_000


def test_a_curve_names_a_front_only_where_it_draws_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = pytest.importorskip("matplotlib.figure", reason="needs the extra train").Figure
    drawn: list[Any] = []

    def legend(self: Any, *_: Any, **__: Any) -> None:
        drawn.append([line.get_label() for axes in self.axes for line in axes.lines])

    monkeypatch.setattr(figure, "legend", legend)
    for some in (tried((0.5, 20), (0.4, 30)), tried((0.5, 20), (0.9, 200))):
        tuned = Tuned(some[0], some[0], tuple(some), (), None, None, None)
        draw_curve(tmp_path / "curve.png", tuned)
    fronts = [[label for label in labels if label.startswith("Pareto")] for labels in drawn]
    assert fronts == [[], ["Pareto front"]]


def test_of_a_large_catalogue_all_pictures_of_the_photos_products_are_searched(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beautylens.evaluation.tune.tune.GALLERY", 5)
    start = Recipe(encoders=(EncoderSettings(file=str(write_stand_in(tmp_path / "t", 1))),))
    rows = [TruthRow(shop.photo(n), frozenset({f"p{n:02}"}), frozenset({"p11"})) for n in range(3)]
    tuning = Tuning(read_catalogue(shop.table), rows, tmp_path / "out", start)
    kept = set(tuning.catalogue.rows["product_id"].to_pylist())
    assert len(tuning.catalogue) == 5 < GALLERY
    assert {"p00", "p01", "p02", "p11"} <= kept


def test_an_encoder_that_is_named_twice_is_described_once(shop: Shop, tmp_path: Path) -> None:
    folder = str(write_stand_in(tmp_path / "t", 1))
    gem = PoolingSettings(name="gem", options={"p": 4.0})
    start = Recipe(encoders=(EncoderSettings(file=folder, side=64, pooling=gem),))
    rows = [TruthRow(shop.photo(0), frozenset({"p00"}), row=1)]

    def pictures(*encoders: str) -> int:
        return Tuning(read_catalogue(shop.table), rows, tmp_path / "o", start, encoders).pictures

    # At four sides, of twelve pictures and a photo.
    assert pictures() == 4 * 13
    assert pictures(folder) == pictures(folder, folder)


def test_kept_features_rank_as_fresh_searches_and_each_photo_is_described_once(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = EncoderSettings(file=str(write_stand_in(tmp_path / "tiny", 1)))
    start = read_recipe("default").model_copy(
        update={"encoders": (own,), "read": None, "vlad": None}
    )
    collection, _ = build(shop.table, tmp_path / "t.lens", recipe=start)
    photos = [TruthRow(shop.photo(n), frozenset({f"p{n:02}"}), row=n) for n in range(4)]
    photos.append(TruthRow(shop.folder / "gone.jpg", frozenset({"p05"}), row=5))
    trials = Trials(collection, "key", photos, Memory(tmp_path / "work"))
    plain = start.model_copy(
        update={"verify": None, "keypoints": None, "colour": None, "compare_text": None}
    )
    shallow = start.model_copy(update={"retrieve": RetrieveSettings(depth=2)})
    unverified = start.model_copy(update={"verify": VerifySettings(transform="none")})
    recipes = [start, plain, shallow, unverified]
    fresh = [trials.report(recipe, photos).precisions for recipe in recipes]
    monkeypatch.setattr(Trials, "_milliseconds", lambda _: 1.0)
    described: list[int] = []
    outputs = Encoder.outputs

    def counted(encoder: Encoder, fitted: Any) -> Any:
        described.append(len(fitted))
        return outputs(encoder, fitted)

    monkeypatch.setattr(Encoder, "outputs", counted)
    assert [trials(recipe).precisions for recipe in recipes] == fresh
    # Four photos that can be read. Without keypoints they are decoded smaller; then one view.
    assert described == [3] * 8 + [1] * 4
    assert fresh[0][:4] == (1.0,) * 4
    assert fresh[0][4] == 0.0
    assert trials(start) == Figures(fresh[0], 1.0)
    assert len(described) == 12
