import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beautylens.evaluation.intervals import bootstrap_interval, share_interval
from beautylens.evaluation.metrics import (
    MEASURES,
    QueryResult,
    average_precision,
    recall_at,
    reciprocal_rank,
    summarise,
)
from beautylens.results import Match, Matches, Product

products = st.sampled_from("abcdefghijklmnopqrst")
rankings = st.lists(products, max_size=25)
truth_sets = st.frozensets(products, min_size=1, max_size=10)
ignore_sets = st.frozensets(products, max_size=6)
denominators = st.sampled_from(["challenge", "all"])


def result(
    ranking: Sequence[str] | None,
    truths: str = "",
    ignore: str = "",
    kind: str = "photo",
    name: str = "query.jpg",
) -> QueryResult:
    matches = None
    if ranking is not None:
        rows = (Match(p, Product(p), p, -place) for place, p in enumerate(ranking))
        matches = Matches(tuple(rows))
    error = "the file is empty" if ranking is None else None
    return QueryResult(Path(name), frozenset(truths), frozenset(ignore), kind, matches, error)


results = st.builds(
    result,
    ranking=st.one_of(st.none(), rankings),
    truths=st.frozensets(products, max_size=3).map("".join),
    ignore=ignore_sets.map("".join),
    kind=st.sampled_from(["photo", "studio", ""]),
)


def slow_places(ranking, truths, ignore):
    counted = []
    for product in ranking:
        if product in counted or (product in ignore and product not in truths):
            continue
        counted.append(product)
    return counted


def slow_average_precision(ranking, truths, ignore, denominator, k):
    """(1/R) Σ_{i≤k} rel(i)·P@i, counting the hits of every P@i anew."""
    counted = slow_places(ranking, truths, ignore)
    total, hits = 0.0, 0
    for i in range(1, min(k, len(counted)) + 1):
        precision = sum(product in truths for product in counted[:i]) / i
        if counted[i - 1] in truths:
            total += precision
            hits += 1
    divisor = hits if denominator == "challenge" else len(truths)
    return total / divisor if divisor else 0.0


@given(rankings, truth_sets, ignore_sets, denominators, st.integers(1, 12))
def test_average_precision_follows_the_formula(ranking, truths, ignore, denominator, k):
    found = average_precision(ranking, truths, ignore=ignore, denominator=denominator, k=k)
    assert found == pytest.approx(slow_average_precision(ranking, truths, ignore, denominator, k))
    assert 0 <= found <= 1


@pytest.mark.parametrize(
    ("ranking", "truths", "challenge", "over_all"),
    [
        ("txxxxxx", "t", 1, 1),
        ("xtyzuvw", "t", 1 / 2, 1 / 2),
        ("abcdeft", "t", 1 / 7, 1 / 7),
        ("abcdefgt", "t", 0, 0),
        ("", "t", 0, 0),
        ("sxt", "st", (1 + 2 / 3) / 2, (1 + 2 / 3) / 2),
        ("xsyt", "st", (1 / 2 + 2 / 4) / 2, (1 / 2 + 2 / 4) / 2),
        ("txyzuvw", "st", 1, 1 / 2),
        ("xtyzuvw", "rst", 1 / 2, 1 / 6),
    ],
)
def test_average_precision_of_rankings_worked_out_by_hand(ranking, truths, challenge, over_all):
    ids = list(ranking), set(truths)
    assert average_precision(*ids, denominator="challenge") == pytest.approx(challenge)
    assert average_precision(*ids, denominator="all") == pytest.approx(over_all)


def test_a_hit_at_rank_one_scores_one_and_not_what_the_misprinted_equation_gives():
    misprinted = sum(1 / i for i in range(1, 8))
    assert misprinted == pytest.approx(2.59, abs=0.005)
    assert average_precision(list("tabcdef"), {"t"}, denominator="all") == 1


@given(rankings, truth_sets, ignore_sets)
def test_the_denominators_differ_only_where_a_hit_comes_with_a_miss(ranking, truths, ignore):
    challenge, over_all = (
        average_precision(ranking, truths, ignore=ignore, denominator=name)
        for name in ("challenge", "all")
    )
    found = truths & set(slow_places(ranking, truths, ignore)[:7])
    assert challenge >= over_all
    assert (challenge > over_all) == (0 < len(found) < len(truths))


def test_a_perfect_top_seven_of_ten_truths_scores_seven_tenths_over_all():
    ids = list("abcdefg"), set("abcdefghij")
    assert average_precision(*ids, denominator="all") == pytest.approx(0.7)
    assert average_precision(*ids, denominator="challenge") == 1


@given(st.permutations("abcdefghij"), truth_sets, st.data())
def test_moving_a_truth_up_never_lowers_average_precision_over_all(ranking, truths, data):
    place = data.draw(st.integers(1, 9))
    assume(ranking[place] in truths)
    better = ranking.copy()
    better.insert(data.draw(st.integers(0, place - 1)), better.pop(place))
    before, after = (average_precision(r, truths, denominator="all") for r in (ranking, better))
    assert after >= before - 1e-12


@given(rankings, truth_sets, ignore_sets, denominators, st.integers(1, 9))
def test_ignored_products_neither_help_nor_hurt(ranking, truths, ignore, denominator, k):
    ignore = ignore - truths
    without = [product for product in ranking if product not in ignore]
    assert average_precision(
        ranking, truths, ignore=ignore, denominator=denominator
    ) == average_precision(without, truths, denominator=denominator)
    assert recall_at(ranking, truths, k, ignore) == recall_at(without, truths, k)
    assert reciprocal_rank(ranking, truths, ignore) == reciprocal_rank(without, truths)


def test_a_product_that_is_both_a_truth_and_ignored_is_a_truth():
    assert average_precision(list("t"), {"t"}, ignore={"t"}, denominator="all") == 1


def test_a_repeated_product_takes_one_place():
    assert average_precision(list("xxxxxxxxt"), {"t"}, denominator="all") == 1 / 2
    assert average_precision(list("ttt"), {"s", "t"}, denominator="all") == 1 / 2


@given(rankings, truth_sets, ignore_sets, st.integers(1, 12))
def test_recall_and_reciprocal_rank_tell_the_place_of_the_first_truth(ranking, truths, ignore, k):
    first = None
    for place, product in enumerate(slow_places(ranking, truths, ignore), 1):
        if product in truths:
            first = place
            break
    assert reciprocal_rank(ranking, truths, ignore) == (0 if first is None else 1 / first)
    assert recall_at(ranking, truths, k, ignore) == (first is not None and first <= k)


def test_a_query_without_a_truth_has_no_score():
    with pytest.raises(ValueError, match="without relevant products"):
        average_precision("abc", (), denominator="all")
    with pytest.raises(ValueError, match="without relevant products"):
        recall_at("abc", (), 1)
    with pytest.raises(ValueError, match="without relevant products"):
        reciprocal_rank("abc", ())


def test_eight_photos_that_are_all_right_leave_room_for_failures():
    rows = [result("t", "t") for _ in range(8)]
    # scipy.stats.binomtest(8, 8).proportion_ci(method="wilson")
    for name, interval in summarise(rows).overall.intervals.items():
        assert interval == pytest.approx((0.6756, 1.0), abs=1e-4), name


def test_recalls_have_the_interval_of_a_share_and_map7_the_bootstraps():
    rows = [result("t", "t")] * 3 + [result("xt", "t")] * 2 + [result("x", "t")]
    found = summarise(rows).overall.intervals
    assert found["recall1"] == share_interval(3 / 6, 6)
    assert found["recall7"] == share_interval(5 / 6, 6)
    precisions = np.array([1, 1, 1, 0.5, 0.5, 0])
    assert found["map7_all"] == bootstrap_interval(precisions)


def test_a_summary_averages_its_scored_queries_and_counts_the_others():
    summary = summarise(
        [
            result("txyz", "t", kind="photo"),
            result("xtyz", "st", kind="photo"),
            result(None, "t", kind="studio"),
            result("xyz", "", kind="studio"),
            result(None, "", kind="absent"),
        ]
    )
    assert summary.overall.queries == 3
    assert summary.overall.map7_challenge == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert summary.overall.map7_all == pytest.approx((1 + 1 / 4 + 0) / 3)
    assert summary.overall.recall1 == pytest.approx(1 / 3)
    assert summary.overall.recall7 == pytest.approx(2 / 3)
    assert summary.overall.mrr == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert (summary.without_truth, summary.unreadable) == (2, 2)
    assert list(summary.by_kind) == ["photo", "studio"]
    assert summary.by_kind["photo"].map7_all == pytest.approx(5 / 8)
    assert summary.by_kind["studio"].map7_all == 0


@given(st.lists(results, max_size=12), st.randoms())
def test_the_order_of_the_queries_leaves_the_summary(rows, random):
    shuffled = rows.copy()
    random.shuffle(shuffled)
    assert json.dumps(summarise(shuffled).as_dict()) == json.dumps(summarise(rows).as_dict())


def test_a_summary_without_a_scored_query_says_nothing_rather_than_zero():
    summary = summarise([result("xyz")])
    assert math.isnan(summary.overall.map7_all)
    assert summary.as_dict()["overall"] == {
        "queries": 0,
        **dict.fromkeys(MEASURES),
        "intervals": {name: [None, None] for name in MEASURES},
    }


def test_a_summary_becomes_json_with_four_decimals():
    summary = summarise([result("xyt", "t"), result("t", "t"), result("t", "t")]).as_dict()
    plain = json.loads(json.dumps(summary, allow_nan=False))
    assert plain["overall"]["map7_all"] == 0.7778
    assert plain["by_kind"]["photo"]["intervals"]["map7_all"] == [0.3333, 1.0]
    assert plain["without_truth"] == plain["unreadable"] == 0


def test_a_query_has_either_matches_or_an_error():
    with pytest.raises(ValueError, match="either matches or an error"):
        QueryResult(Path("q.jpg"), frozenset(), frozenset(), "", None, None)
    with pytest.raises(ValueError, match="either matches or an error"):
        QueryResult(Path("q.jpg"), frozenset(), frozenset(), "", Matches(), "damaged")
