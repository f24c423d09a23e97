"""TREC files, read by ranx and ir_measures: both know our metrics by other names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.evaluation.exchange.trec import trec_id, trec_qrels, trec_run
from beautylens.evaluation.metrics import QueryResult, summarise
from beautylens.results import Match, Matches, Product

NEEDS = "compared where the extra `measures` is installed"


def result(name: str, ranking: list[str], truths: set[str], **more: object) -> QueryResult:
    rows = [Match(f"{p}/0", Product(p), "", 1.0 - n / 100) for n, p in enumerate(ranking)]
    return QueryResult(
        Path(name), frozenset(truths), more.pop("ignore", frozenset()), "",
        Matches(tuple(rows)), None, **more,
    )  # fmt: skip


def random_results(seed: int, count: int = 30) -> list[QueryResult]:
    rng = np.random.default_rng(seed)
    products = [f"p{number}" for number in range(12)]
    results = []
    for query in range(count):
        ranking = rng.permutation(products)[: rng.integers(1, 8)].tolist()
        truths = set(rng.choice(products, rng.integers(1, 10), replace=False).tolist())
        results.append(result(f"q{query}.jpg", ranking, truths))
    return results


def test_a_run_has_a_line_for_each_rank_and_falling_scores() -> None:
    found = result("a b.jpg", ["p1", "p 2", "p3"], {"p3"}, ignore=frozenset({"p1"}))
    assert list(trec_run([found], "mine")) == [
        "a%20b.jpg Q0 p%202 1 2 mine\n",
        "a%20b.jpg Q0 p3 2 1 mine\n",
    ]
    assert list(trec_qrels([found])) == ["a%20b.jpg 0 p3 1\n"]


def test_searches_with_products_left_out_and_photos_without_any_have_no_qrels() -> None:
    absent = result("a.jpg", ["p1"], set())
    without = result("b.jpg", ["p1"], set(), left_out=frozenset({"p2"}))
    assert list(trec_qrels([absent, without])) == []
    assert len(list(trec_run([absent, without]))) == 1


@given(st.text(max_size=12), st.text(max_size=12))
def test_ids_have_no_white_space_and_differ_where_texts_do(one: str, other: str) -> None:
    try:
        ids = [trec_id(text) for text in (one, other)]
    except UnicodeEncodeError:
        return  # a lone surrogate is no text
    assert all(each and not any(map(str.isspace, each)) for each in ids)
    assert (ids[0] == ids[1]) == (one == other)


def written(folder: Path, results: list[QueryResult]) -> tuple[str, str]:
    (folder / "run.trec").write_text("".join(trec_run(results)))
    (folder / "qrels.trec").write_text("".join(trec_qrels(results)))
    return str(folder / "qrels.trec"), str(folder / "run.trec")


def only_found(results: list[QueryResult]) -> list[QueryResult]:
    """The same without relevant products that are not among the first seven.

    On these the denominator `challenge` is that of all programs.
    """
    return [
        result(str(r.image), r.ranking, truths)
        for r in results
        if (truths := set(r.truths) & set(r.ranking[:7]))
    ]


def rescaled(results: list[QueryResult], value: float) -> float:
    """A mean over the queries with a hit as that over all queries."""
    return value * len(only_found(results)) / len(results)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_ranx_measures_the_same(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    ranx = pytest.importorskip("ranx", reason=NEEDS)
    folder, results = tmp_path_factory.mktemp("trec"), random_results(seed)
    qrels, run = written(folder, results)
    found = ranx.evaluate(
        ranx.Qrels.from_file(qrels, kind="trec"),
        ranx.Run.from_file(run, kind="trec"),
        ["map@7", "mrr", "hit_rate@1", "hit_rate@7"],
        make_comparable=True,
    )
    ours = summarise(results).overall
    assert found["map@7"] == pytest.approx(ours.map7_all, abs=1e-9)
    assert found["mrr"] == pytest.approx(ours.mrr, abs=1e-9)
    assert found["hit_rate@1"] == pytest.approx(ours.recall1, abs=1e-9)
    assert found["hit_rate@7"] == pytest.approx(ours.recall7, abs=1e-9)
    qrels, run = written(folder, only_found(results))
    found = ranx.evaluate(
        ranx.Qrels.from_file(qrels, kind="trec"), ranx.Run.from_file(run, kind="trec"), "map@7"
    )
    assert rescaled(results, found) == pytest.approx(ours.map7_challenge, abs=1e-9)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_ir_measures_measures_the_same(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    measures = pytest.importorskip("ir_measures", reason=NEEDS)
    folder, results = tmp_path_factory.mktemp("trec"), random_results(seed)
    names = {measures.AP @ 7: "map7_all", measures.RR: "mrr", measures.Success @ 1: "recall1"}
    names[measures.Success @ 7] = "recall7"
    ours = summarise(results).overall
    qrels, run = written(folder, results)
    found = measures.calc_aggregate(
        list(names), measures.read_trec_qrels(qrels), measures.read_trec_run(run)
    )
    for measure, name in names.items():
        # trec_eval computes in single precision in parts.
        assert found[measure] == pytest.approx(getattr(ours, name), abs=1e-9)
    qrels, run = written(folder, only_found(results))
    found = measures.calc_aggregate(
        [measures.AP @ 7], measures.read_trec_qrels(qrels), measures.read_trec_run(run)
    )
    assert rescaled(results, found[measures.AP @ 7]) == pytest.approx(ours.map7_challenge, abs=1e-9)
