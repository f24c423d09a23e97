"""The grid: each cell against a slow exact ranking, and the page and tables made of it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.cli import app, grid_tables
from beautylens.cli.console import PlainConsole
from beautylens.errors import ImageError, RecipeError
from beautylens.evaluation.grid.change import Change, change_of
from beautylens.evaluation.grid.extraction import extract, find_pools
from beautylens.evaluation.grid.grid import PAPER, Grid, Outcome, best_first
from beautylens.evaluation.grid.page import most_disputed
from beautylens.evaluation.metrics import QueryResult, average_precision
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.pooling import POOLINGS, unit_rows
from beautylens.images.decode import decode
from beautylens.images.fit import centre
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product
from tests.conftest import Shop, catalogue_rows, make_shop, write_table

ASYMMETRIC = "grmac:p=2,p_query=1"
POOLED = ("own", "mac", ASYMMETRIC)
DISTANCES = ("cosine", "l1", "l2")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.load(side=96)


def write_truth(shop: Shop, extra: tuple[dict[str, str], ...] = ()) -> Path:
    rows = [{"image": f"photos/{n:02}.jpg", "product_ids": f"p{n:02}"} for n in range(4)]
    return write_table(shop.folder / "truth.csv", [*rows, *extra])


@pytest.fixture(scope="module")
def outcomes(shop: Shop, encoder: Encoder) -> list[Outcome]:
    grid = Grid(read_catalogue(shop.table), read_truth(write_truth(shop)), local=PAPER)
    return list(grid.run({"default": encoder}, POOLED, DISTANCES))


def test_one_pass_gives_what_each_pooling_gives_alone(shop: Shop, encoder: Encoder) -> None:
    paths = [shop.picture(number) for number in range(5)]
    found = extract(encoder, paths, POOLED).rows
    fitted = [encoder.fit(decode(path, least_side=96)) for path in paths]
    ((maps, _),) = encoder.outputs(fitted)
    np.testing.assert_allclose(found["mac"], POOLINGS["mac"](maps), atol=1e-5)
    np.testing.assert_allclose(found[ASYMMETRIC], POOLINGS["grmac"](maps, p=2), atol=1e-5)
    np.testing.assert_allclose(found["own"], encoder.describe(fitted), atol=1e-5)
    queries = extract(encoder, paths, POOLED, query=True).rows
    np.testing.assert_allclose(queries[ASYMMETRIC], POOLINGS["ramac"](maps), atol=1e-5)


def test_several_views_of_a_picture_give_their_unit_mean(shop: Shop, encoder: Encoder) -> None:
    found = extract(encoder, [shop.photo(0)], ["mac"], views=(1.0, 0.5)).rows["mac"]
    picture = decode(shop.photo(0), least_side=192)
    fitted = [encoder.fit(centre(picture, share)) for share in (1.0, 0.5)]
    expected = unit_rows(POOLINGS["mac"](encoder.outputs(fitted)[0].maps).sum(axis=0))
    np.testing.assert_allclose(found[0], expected, atol=1e-4)


def test_every_cell_ranks_as_a_slow_exact_scan(
    outcomes: list[Outcome], shop: Shop, encoder: Encoder
) -> None:
    gallery = extract(encoder, [shop.picture(n) for n in range(12)], POOLED).rows
    queries = extract(encoder, [shop.photo(n) for n in range(4)], POOLED, query=True).rows
    plain = [outcome for outcome in outcomes if not outcome.system.local]
    assert len(plain) == len(POOLED) * len(DISTANCES)
    for outcome in plain:
        for query, result in zip(queries[outcome.system.pooling], outcome.results, strict=True):
            difference = gallery[outcome.system.pooling].astype(float) - query
            distance = {
                "cosine": -(gallery[outcome.system.pooling] @ query),
                "l1": np.abs(difference).sum(axis=1),
                "l2": np.sqrt((difference**2).sum(axis=1)),
            }[outcome.system.distance]
            assert result.ranking[:7] == [f"p{n:02}" for n in np.argsort(distance)][:7]


def test_unit_descriptors_give_l2_and_cosine_the_same_rows(outcomes: list[Outcome]) -> None:
    rows = {(o.system.pooling, o.system.distance, o.system.local): o for o in outcomes}
    for pooling in POOLED:
        for local in (False, True):
            one, other = rows[pooling, "cosine", local], rows[pooling, "l2", local]
            assert one.summary == other.summary
            assert [r.ranking for r in one.results] == [r.ranking for r in other.results]


def test_local_re_ranking_orders_by_kept_matches(outcomes: list[Outcome]) -> None:
    local = [o for o in outcomes if o.system.local]
    assert len(local) == len(outcomes) / 2
    for outcome in local:
        assert outcome.summary.overall.recall1 == 1.0
        for result in outcome.results:
            counts = [match.reasons.inliers for match in result.matches]
            assert counts == sorted(counts, reverse=True)


def test_the_order_of_the_catalogue_changes_nothing(
    outcomes: list[Outcome], shop: Shop, encoder: Encoder
) -> None:
    turned = write_table(shop.folder / "turned.csv", catalogue_rows(12)[::-1])
    grid = Grid(read_catalogue(turned), read_truth(write_truth(shop)), local=PAPER)
    again = list(grid.run({"default": encoder}, POOLED, DISTANCES))
    for one, other in zip(outcomes, again, strict=True):
        assert [r.ranking for r in one.results] == [r.ranking for r in other.results]


def test_unreadable_pictures_are_left_out_and_unreadable_photos_score_nothing(
    tmp_path: Path, encoder: Encoder
) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    shop.picture(3).write_bytes(b"no picture")
    shop.photo(1).write_bytes(b"no photo")
    grid = Grid(read_catalogue(shop.table), read_truth(write_truth(shop)), local=PAPER)
    for outcome in grid.run({"default": encoder}, ["mac"], ["cosine"]):
        assert outcome.results[1].error is not None
        assert outcome.summary.unreadable == 1
        assert all("p03" not in result.ranking for result in outcome.results)
    assert list(grid.errors) == [str(shop.picture(3))]
    with pytest.raises(ImageError, match="none of 1 picture can be read"):
        extract(encoder, [shop.picture(3)], ["mac"])


def test_a_wrong_pooling_is_refused_by_name(encoder: Encoder) -> None:
    with pytest.raises(RecipeError, match="unknown pooling 'macs'; choose one of"):
        find_pools(encoder, ["macs"])
    with pytest.raises(RecipeError, match="write options as name=number"):
        find_pools(encoder, ["gem:p"])
    pools = find_pools(encoder, ["rmac:global_term=true,levels=2"])
    assert len(pools) == 1


def test_the_most_disputed_queries_are_those_whose_precision_varies(
    outcomes: list[Outcome],
) -> None:
    precisions = np.array(
        [
            [average_precision(r.ranking, r.truths, denominator="challenge") for r in o.results]
            for o in outcomes
        ]
    )
    spread = precisions.std(axis=0)
    assert spread[most_disputed(outcomes, 2)].tolist() == sorted(spread, reverse=True)[:2]


def test_the_command_prints_tables_and_writes_figures_and_a_page(
    shop: Shop, tmp_path: Path
) -> None:
    truth = write_truth(shop)
    options = "--side 96 --pooling mac --pooling spoc --distance cosine --show 02.jpg --json"
    written = ["--csv", str(tmp_path / "g.csv"), "--report", str(tmp_path / "page")]
    arguments = ["grid", str(shop.table), str(truth), *options.split(), *written]
    answered = CliRunner().invoke(app, arguments)
    assert answered.exit_code == 0, answered.output
    systems = [json.loads(line) for line in answered.stdout.splitlines() if line.startswith("{")]
    assert {(s["pooling"], s["local"]) for s in systems} == {
        ("mac", False), ("mac", True), ("spoc", False), ("spoc", True),
    }  # fmt: skip
    figures = [s["map7_challenge"] for s in systems]
    assert figures == sorted(figures, reverse=True)
    assert all(s["milliseconds"] > 0 for s in systems)
    said = " ".join(answered.stderr.split())
    best = systems[0]
    assert f"mAP@7 {figures[0]:.4f} ({best['map7_challenge_low']:.2f}-" in said.split("Best: ")[1]
    assert "The short-list holds all 12 pictures" in said
    with (tmp_path / "g.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["map7_challenge"]) for line in lines] == [
        system["map7_challenge"] for system in systems
    ]
    page = (tmp_path / "page" / "index.html").read_text()
    assert page.count("<section") == 1
    assert "02.jpg" in page
    assert page.count('class="strip"') == 4
    assert page.count('class="frame right"') >= 2
    assert "Textual refinement" in answered.stderr
    assert "program" in answered.stderr


def test_the_shares_that_re_ranking_improves_and_impairs_are_counted(
    outcomes: list[Outcome],
) -> None:
    by_system = {outcome.system: outcome for outcome in outcomes}
    for outcome in outcomes:
        if not outcome.system.local:
            assert outcome.change is None
            continue
        plain = by_system[replace(outcome.system, local=False)]
        pairs = [
            (one.average_precision("challenge"), two.average_precision("challenge"))
            for one, two in zip(plain.results, outcome.results, strict=True)
            if one.truths
        ]
        rose = sum(after > before for before, after in pairs)
        fell = sum(after < before for before, after in pairs)
        assert outcome.change == Change(rose / len(pairs), fell / len(pairs))


def test_a_change_counts_queries_with_relevant_products_alone() -> None:
    def result(found: str, truths: set[str]) -> QueryResult:
        matches = Matches((Match(f"{found}/0", Product(found), "", 1.0, Reasons()),))
        return QueryResult(Path("q.jpg"), frozenset(truths), frozenset(), "", matches, None)

    before = [result(found, {"a"}) for found in "abbb"] + [result("a", set())]
    after = [result(found, {"a"}) for found in "baab"] + [result("b", set())]
    assert change_of(before, after) == Change(0.5, 0.25)


@pytest.mark.parametrize("order", ["score", "time", "grid"])
def test_all_systems_are_listed_in_the_order_that_is_asked_for(
    shop: Shop, order: str, tmp_path: Path
) -> None:
    truth = write_truth(shop)
    options = f"--side 96 --pooling mac --pooling spoc --distance cosine --sort {order} --json"
    answered = CliRunner().invoke(
        app, ["grid", str(shop.table), str(truth), *options.split()], env={"COLUMNS": "120"}
    )
    assert answered.exit_code == 0, answered.output
    systems = [json.loads(line) for line in answered.stdout.splitlines() if line.startswith("{")]
    assert all((s["improved"] is None) != s["local"] for s in systems)
    said = answered.stderr.split("All systems")[1]
    poolings = re.findall(r"default\s+(mac|spoc) ", said)
    assert sorted(poolings) == ["mac", "mac", "spoc", "spoc"]
    if order == "grid":
        assert poolings == ["mac", "mac", "spoc", "spoc"]
    if order == "score":
        assert poolings == [s["pooling"] for s in systems]


def test_intervals_are_whole_on_a_terminal_of_eighty_columns(
    outcomes: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(grid_tables, "console", PlainConsole(file=shown, width=80))
    grid_tables.print_systems("default", outcomes, "challenge")
    best = best_first(outcomes, "challenge")[0]
    low, high = best.summary.overall.intervals["map7_challenge"]
    assert f"{low:.2f}-{high:.2f}" in shown.getvalue()
    for outcome in outcomes:
        assert outcome.system.pooling in shown.getvalue()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--distance", "l3"], "unknown distance 'l3'; choose from cosine, l1, l2"),
        (["--views", "1,2"], "give shares above 0 and up to 1"),
        (["--show", "gone.jpg"], "no query has this file name"),
        (["--pooling", "macs"], "unknown pooling 'macs'"),
    ],
)
def test_the_command_refuses_what_it_cannot_compare(
    shop: Shop, options: list[str], message: str
) -> None:
    answered = CliRunner().invoke(app, ["grid", str(shop.table), str(write_truth(shop)), *options])
    assert answered.exit_code != 0
    assert message in str(answered.exception)


def test_the_command_refuses_a_truth_without_a_right_product(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 4)
    truth = write_table(shop.folder / "t.csv", [{"image": "photos/00.jpg", "product_ids": ""}])
    answered = CliRunner().invoke(app, ["grid", str(shop.table), str(truth)])
    assert "has no product_ids in any row" in str(answered.exception)


def test_the_command_refuses_queries_that_are_in_the_catalogue(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    shop.photo(2).write_bytes(shop.picture(4).read_bytes())
    arguments = [
        "grid",
        str(shop.table),
        str(write_truth(shop)),
        "--side",
        "96",
        "--pooling",
        "mac",
    ]
    answered = CliRunner().invoke(app, arguments)
    assert "1 of 4 photos is also in the gallery, such as 02.jpg" in str(answered.exception)
    arguments += ["--allow-leaks", "--distance", "cosine", "--no-sift"]
    assert CliRunner().invoke(app, arguments).exit_code == 0


def test_a_grid_that_is_not_told_which_texts_are_alike_makes_no_ablation(
    tmp_path: Path, encoder: Encoder
) -> None:
    shop = make_shop(tmp_path / "shop", 6)
    grid = Grid(read_catalogue(shop.table), [TruthRow(shop.photo(0), frozenset({"p00"}), row=1)])
    list(grid.run({"default": encoder}, ["mac"], ["cosine"]))
    assert grid.ablations == {}
