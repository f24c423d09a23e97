"""Expansion by name: Algorithm 1 by hand, its laws, and the step in a gallery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.query import Photo, Query
from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product
from beautylens.search.expand_by_name import (
    REFINEMENTS,
    ExpandByName,
    program,
    slide,
)
from beautylens.search.judge.scorer import PlainScorer, cosine, cosine_plus_inliers
from beautylens.search.outside import ScoreOutside
from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery
from beautylens.text.text_index import TextIndex

# A ranking of ten by falling score, and three products that the photo did not find.
RANKING = list("abcdefghij")
SCORES = {p: 1.0 - place / 10 for place, p in enumerate(RANKING)} | {"x": 0.55, "y": 0.35, "z": 0.0}


def test_the_slide_keeps_the_first_and_appends_their_similar_ones_by_visual_score() -> None:
    similar = {"a": ["z", "x"], "b": ["y"], "c": ["h"]}
    # The subset {z, x, y, h} by score is x .55, y .35, h .3, z 0.
    expected = [*"abcxyhz", *"defgij"]
    assert slide(RANKING, similar, SCORES, 3) == expected
    # Four places are left after three: the fifth of the subset gets none.
    longer = similar | {"c": ["h", "e"]}
    assert slide(RANKING, longer, SCORES, 3) == [*"abcexyh", *"dfgij"]


def test_a_repeat_keeps_its_first_place_and_the_next_moves_up() -> None:
    similar = {"a": ["b", "x"], "b": ["a", "x", "d"], "c": ["a"]}
    # Without the repeats a and b the subset is d .7, x .55; then I goes on.
    assert slide(RANKING, similar, SCORES, 3) == [*"abcdx", *"efghij"]


def slow_program(similar: Mapping[str, list[str]], scores: Mapping[str, float]) -> list[str]:
    """The program of Hou et al. by hand, for k = 3 and a ranking of ten or more."""
    pool = []
    for product in RANKING[:3]:
        pool += [product, *similar.get(product, [])]
    if len(set(pool)) < 7:
        pool += RANKING[3:10]
    return sorted(set(pool), key=lambda product: -scores[product])[:7]


def test_the_program_adds_ranks_4_to_10_where_fewer_than_seven_are_similar() -> None:
    similar = {"a": ["y", "x"], "b": ["x"], "c": ["d"]}
    # {a b c} with {x y d} are six: all of d to j join, and the first seven by score are a to g.
    # Filling up to seven alone would keep y .35, below f .5 and g .4.
    assert slow_program(similar, SCORES) == list("abcdexf")
    assert program(RANKING, similar, SCORES, 3)[:7] == list("abcdexf")
    crowded = {"a": ["x", "y", "z", "h", "i"]}
    # Eight by score: a b c x y h i z; seven places, and nothing is added.
    assert program(RANKING, crowded, SCORES, 3)[:7] == list("abcxyhi")


@given(
    st.dictionaries(
        st.sampled_from("abcdefxyz"), st.lists(st.sampled_from("abcdefghijxyz"), unique=True)
    )
)
def test_the_program_ranks_as_the_authors_does(similar: dict[str, list[str]]) -> None:
    assert program(RANKING, similar, SCORES, 3)[:7] == slow_program(similar, SCORES)


def test_only_the_first_k_bring_in_others() -> None:
    for refine in REFINEMENTS.values():
        assert refine(RANKING, {"d": ["x"]}, SCORES, 3) == RANKING


def test_k_beyond_the_ranking_and_no_ranking_at_all_do_no_harm() -> None:
    assert slide(["a", "b"], {"b": ["x", "a"]}, SCORES, 6) == ["a", "b", "x"]
    assert program(["a", "g"], {"g": ["x"]}, SCORES, 6) == ["a", "x", "g"]
    for refine in REFINEMENTS.values():
        assert refine([], {}, {}, 3) == []


# Earlier letters have the higher score, so that a sorted list is a ranking.
LETTERS = "abcdefghijkl"
VALUES = {letter: -float(place) for place, letter in enumerate(LETTERS)}
some = st.lists(st.sampled_from(LETTERS), unique=True)


@given(
    some.map(sorted),
    st.dictionaries(st.sampled_from(LETTERS), some),
    st.sampled_from(sorted(REFINEMENTS)),
    st.integers(1, 7),
)
def test_a_refined_ranking_holds_each_product_of_i_once_and_else_only_of_d(
    ranking: list[str], similar: dict[str, list[str]], variant: str, first: int
) -> None:
    refined = REFINEMENTS[variant](ranking, similar, VALUES, first)
    top = ranking[:first]
    brought = {other for product in top for other in similar.get(product, ())}
    assert len(refined) == len(set(refined))
    assert set(ranking) <= set(refined) <= set(ranking) | brought
    assert set(refined) - set(ranking) <= set(refined[:7])
    if variant == "slide":
        assert refined[: len(top)] == top
    if brought <= set(top):
        assert refined == ranking


NAMES = {
    "p0": "Velvet Rouge 475",
    "p1": "Day Cream",
    "p2": "Night Serum",
    "p3": "Velvet Rouge 480",
    "p4": "Velvet Rouge 490",
    "p5": "Shower Gel",
}


def filled(folder: Path, names: Mapping[str, str]) -> Gallery:
    """Products with two pictures each; the nearest of product n has cosine 1 - n / 10.

    Of many products it is 1 - n / 30.
    """
    rows = [(product, side) for product in names for side in (0, 1)]
    apart = 10 if len(names) <= 6 else 30
    cosines = np.array(
        [1 - (number + side / 2) / apart for number in range(len(names)) for side in (0, 1)]
    )
    vectors = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)
    text = {
        "image_id": [f"{product}/{side}.jpg" for product, side in rows],
        "product_id": [product for product, _ in rows],
        "image": [f"{side}.jpg" for _, side in rows],
        "name": [names[product] for product, _ in rows],
        "path": [f"/{product}/{side}.jpg" for product, side in rows],
        "digest": [f"{product}{side}" for product, side in rows],
    }
    made = Gallery.create(folder, dimensions=2, settings={})
    made.upsert(
        pa.table(
            {
                **{name: pa.array(values, pa.string()) for name, values in text.items()},
                "descriptor": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 2),
                "keypoints": pa.array([b""] * len(rows), pa.large_binary()),
            }
        )
    )
    return made


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Six products with two pictures each; the nearest of product n has cosine 1 - n / 10."""
    return filled(tmp_path_factory.mktemp("t") / "g.lens", NAMES)


def asked(where: str | None = None) -> Query:
    photo = Photo(np.zeros((8, 8, 3), np.uint8), where)
    return Query(photo, np.array([1, 0], np.float32))


scorer = PlainScorer(cosine)


def step(gallery: Gallery, variant: str = "slide", first: int = 1) -> ExpandByName:
    index = TextIndex.fit([*NAMES, "removed"], [*NAMES.values(), "Velvet Rouge"])
    return ExpandByName(
        ScoreOutside(gallery),
        index,
        scorer.rank,
        refine=REFINEMENTS[variant],
        first=first,
        listed=5,
        minimum=0.3,
    )


def test_a_product_that_the_photo_did_not_find_is_brought_in_by_its_text(gallery: Gallery) -> None:
    query = asked()
    found = nearest(gallery, query.descriptor, 6)
    assert {match.product.product_id for match in found} == {"p0", "p1", "p2"}
    refined = step(gallery)(query, found)
    # Each stands where its own score puts it; its rank is evidence for the scorer.
    best = refined.products()
    assert [m.product.product_id for m in best] == ["p0", "p1", "p2", "p3", "p4"]
    assert [m.score for m in best] == pytest.approx([1, 0.9, 0.8, 0.7, 0.6], abs=1e-6)
    assert [m.refined for m in best] == [0, 3, 4, 1, 2]
    ranked = scorer(refined)
    assert [m.product.product_id for m in ranked] == ["p0", "p3", "p4", "p1", "p2"]
    # p4's cosine .6 holds down what comes after it.
    assert [m.score for m in ranked] == pytest.approx([1, 0.7, 0.6, 0.6, 0.6], abs=1e-6)
    assert [m.reasons.visual for m in ranked] == pytest.approx([1, 0.7, 0.6, 0.9, 0.8], abs=1e-6)
    assert [m.reasons.words for m in ranked] == [
        (), ("rouge", "velvet"), ("rouge", "velvet"), (), (),
    ]  # fmt: skip
    assert ranked[1].image_id == "p3/0.jpg"


def test_expanding_by_name_changes_neither_order_nor_scores_of_what_was_found(
    gallery: Gallery,
) -> None:
    query = asked()
    found = nearest(gallery, query.descriptor, 6)
    for variant in REFINEMENTS:
        refined = step(gallery, variant)(query, found)
        given = {match.image_id for match in found}
        kept = [(m.image_id, m.score) for m in refined if m.image_id in given]
        assert kept == [(m.image_id, m.score) for m in found]


def test_the_program_puts_what_it_brought_in_where_its_cosine_belongs(gallery: Gallery) -> None:
    query = asked()
    refined = step(gallery, "program")(query, nearest(gallery, query.descriptor, 6))
    order = [match.product.product_id for match in scorer(refined)]
    assert order == ["p0", "p1", "p2", "p3", "p4"]


def test_what_was_brought_in_and_gets_no_place_stays_out(tmp_path: Path) -> None:
    alike = {f"v{number:02}": f"Velvet Rouge {number}" for number in range(14)}
    gallery, query = filled(tmp_path / "g.lens", alike), asked()
    index = TextIndex.fit(list(alike), list(alike.values()))
    by_name = ExpandByName(
        ScoreOutside(gallery), index, scorer.rank, refine=slide, first=2, listed=20, minimum=0.01
    )
    found = nearest(gallery, query.descriptor, 4)
    assert {match.product.product_id for match in found} == {"v00", "v01"}
    # Two keep their places, and the five nearest of the twelve others fill up the seven.
    assert [match.product.product_id for match in scorer(by_name(query, found))] == [
        f"v{number:02}" for number in range(7)
    ]
    # Of a longer short-list the first seven products are ranked, the others left as they are.
    longer = nearest(gallery, query.descriptor, 20)
    ranks = [match.refined for match in by_name(query, longer).products()]
    assert ranks == [*range(7), None, None, None]


def test_a_filter_holds_for_what_the_texts_bring_in_too(gallery: Gallery) -> None:
    query = asked("name <> 'Velvet Rouge 480'")
    refined = step(gallery)(query, nearest(gallery, query.descriptor, 6, query.where))
    assert "p3" not in {match.product.product_id for match in refined}
    assert [match.product.product_id for match in scorer(refined)][:2] == ["p0", "p4"]


def test_the_ranking_that_is_refined_is_that_of_the_scorer(gallery: Gallery) -> None:
    """By inliers p1 is the first, so that its name, not p0's, brings others in."""
    query = asked()
    found = nearest(gallery, query.descriptor, 4)
    agreed = replace(
        found,
        rows=tuple(
            replace(m, reasons=replace(m.reasons, inliers=30 * (m.product.product_id == "p1")))
            for m in found
        ),
    )
    by_inliers = PlainScorer(partial(cosine_plus_inliers, weight=1.0))
    index = TextIndex.fit(list(NAMES), ["a", "Day Cream", "b", "c", "d", "Day Cream"])
    by_name = ExpandByName(
        ScoreOutside(gallery), index, by_inliers.rank, refine=slide, first=1, listed=5, minimum=0.3
    )
    ranked = by_inliers(by_name(query, agreed))
    assert [m.product.product_id for m in ranked] == ["p1", "p5", "p0"]


def test_scores_and_reasons_stay_those_of_the_matches_where_nothing_is_brought_in() -> None:
    rows = [
        Match(f"{p}/0", Product(p), "", s, Reasons(inliers=9))
        for p, s in (("p0", 3.0), ("p1", 2.0))
    ]
    matches = Matches(tuple(rows), milliseconds={"verify": 1.0})
    index = TextIndex.fit(["p0", "p1"], ["rouge", "cream"])
    alone = ExpandByName(
        ScoreOutside(None),  # type: ignore[arg-type]  # never asked
        index,
        scorer.rank,
        refine=slide,
        first=3,
        listed=5,
        minimum=0.3,
    )
    ranked = tuple(replace(row, refined=rank) for rank, row in enumerate(rows))
    assert alone(asked(), matches) == replace(matches, rows=ranked)
    assert alone(asked(), Matches()) == Matches()
