"""Expansion steps against the same formulas in plain loops, and the laws that all of them keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.assemble.parts import make_expansion
from beautylens.collection import Collection
from beautylens.errors import CollectionError
from beautylens.features.neighbours.diffusion import Graph
from beautylens.indexing import build
from beautylens.ingest.derive import Derived
from beautylens.ingest.offline_diffusion import NeighbourGraph, OfflineDiffusion
from beautylens.query import Photo, Query
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import DiffusionSettings, LateDiffusionSettings
from beautylens.results import Matches
from beautylens.search.expansion import (
    EXPANSIONS,
    AlphaQueryExpansion,
    Diffusion,
    Expansion,
    LateDiffusion,
    SuperGlobal,
    superglobal,
)
from beautylens.search.retrieve import nearest
from beautylens.store.gallery import Gallery
from tests.conftest import Shop
from tests.features.neighbours.test_diffusion import slow_affinity, slow_diffusion, slow_spreading
from tests.store.test_gallery import DIMENSIONS, rows, unit

COUNT = 40
GRAPH = Graph(k_d=4, gamma=3.0, alpha=0.5)


def filled(folder: Path, numbers: list[int]) -> Gallery:
    made = Gallery.create(folder, dimensions=DIMENSIONS, settings={})
    made.upsert(rows(*((f"p{number:02}", "1.jpg", number) for number in numbers)))
    return made


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Forty products; read only."""
    return filled(tmp_path_factory.mktemp("expand") / "g.lens", list(range(COUNT)))


@pytest.fixture(scope="module")
def offline(gallery: Gallery) -> OfflineDiffusion:
    return OfflineDiffusion.of(gallery, GRAPH, truncation=COUNT)


@pytest.fixture(params=sorted(EXPANSIONS))
def step(request: pytest.FixtureRequest, gallery: Gallery, offline: OfflineDiffusion) -> Expansion:
    """One expansion of each kind."""
    if request.param == "late_diffusion":
        return LateDiffusion(gallery, offline)
    if request.param == "diffusion":
        return Diffusion(gallery, NeighbourGraph.of(gallery, 50))
    return EXPANSIONS[request.param](gallery)


def derived_of(gallery: Gallery, step: Expansion) -> list[object]:
    """What a step like this one reads beside a gallery."""
    if isinstance(step, LateDiffusion):
        return [OfflineDiffusion.of(gallery, GRAPH, truncation=COUNT)]
    return [NeighbourGraph.of(gallery, 50)] if isinstance(step, Diffusion) else []


def query_of(seed: int, where: str | None = None) -> Query:
    return Query(Photo(np.zeros((8, 8, 3), np.uint8), where), unit(seed))


def retrieved(gallery: Gallery, query: Query, depth: int = 12) -> Matches:
    return nearest(gallery, query.descriptor, depth, query.where)


def ids(matches: Matches) -> list[str]:
    return [match.image_id for match in matches]


def names(order: np.ndarray | list[int]) -> list[str]:
    return [f"p{number:02}/1.jpg" for number in order]


def everything() -> np.ndarray:
    return np.stack([unit(number) for number in range(COUNT)])


def test_no_match_is_lost_and_every_reason_stays_the_cosine_to_the_photo(
    gallery: Gallery, step: Expansion
) -> None:
    query = query_of(100)
    before = retrieved(gallery, query)
    after = step(query, before)
    assert set(ids(before)) <= set(ids(after))
    assert len(ids(after)) == len(set(ids(after)))
    for match in after:
        number = int(match.product.product_id[1:])
        assert match.reasons.visual == pytest.approx(float(unit(100) @ unit(number)), abs=1e-5)


def test_the_scores_are_the_same_cosines_in_falling_order(
    gallery: Gallery, step: Expansion
) -> None:
    query = query_of(101)
    after = step(query, retrieved(gallery, query))
    cosines = [match.reasons.visual for match in after]
    assert [match.score for match in after] == sorted(cosines, reverse=True)


def test_a_filter_holds_for_what_an_expansion_brings_in(gallery: Gallery, step: Expansion) -> None:
    query = query_of(102, "brand = 'Dior'")
    after = step(query, retrieved(gallery, query, 5))
    assert {match.product.brand for match in after} == {"Dior"}


def test_nothing_retrieved_stays_nothing(gallery: Gallery, step: Expansion) -> None:
    query = query_of(103, "brand = 'nobody'")
    assert len(step(query, retrieved(gallery, query))) == 0


def test_the_order_of_the_gallery_changes_nothing(
    step: Expansion, gallery: Gallery, tmp_path: Path
) -> None:
    turned = filled(tmp_path / "t.lens", list(range(COUNT))[::-1])
    other = type(step)(turned, *derived_of(turned, step))
    for seed in range(100, 104):
        one, two = (
            s(query_of(seed), retrieved(g, query_of(seed)))
            for s, g in ((step, gallery), (other, turned))
        )
        assert ids(one) == ids(two)


def test_expansion_by_no_neighbour_is_the_plain_ranking(gallery: Gallery) -> None:
    query = query_of(110)
    before = retrieved(gallery, query)
    after = AlphaQueryExpansion(gallery, n=0)(query, before)
    assert ids(after) == ids(before)
    assert [m.score for m in after] == pytest.approx([m.score for m in before], abs=1e-6)


@pytest.mark.parametrize(("n", "alpha"), [(1, 0.0), (3, 0.0), (3, 3.0)])
def test_query_expansion_searches_with_the_weighted_sum(
    gallery: Gallery, n: int, alpha: float
) -> None:
    query = query_of(111)
    blended = unit(111).astype(np.float64)
    nearest = sorted(range(COUNT), key=lambda p: -float(blended @ unit(p)))[:n]
    for number in nearest:
        blended = blended + max(float(unit(111) @ unit(number)), 0) ** alpha * unit(number)
    expected = sorted(range(COUNT), key=lambda p: -float(blended @ unit(p)))[:12]
    after = AlphaQueryExpansion(gallery, n=n, alpha=alpha)(query, retrieved(gallery, query))
    assert ids(after)[:12] == names(expected)


def test_one_neighbour_of_weight_one_is_the_mean_that_the_2018_system_takes(
    gallery: Gallery,
) -> None:
    query = query_of(112)
    before = retrieved(gallery, query)
    first = unit(int(before[0].product.product_id[1:]))
    mean = ((unit(112) + first) / 2).astype(np.float32)
    expected = nearest(gallery, mean / np.linalg.norm(mean), 12)
    after = AlphaQueryExpansion(gallery, n=1, alpha=0.0)(query, before)
    assert ids(after)[:12] == ids(expected)


def test_two_thirds_of_the_query_and_one_of_its_nearest_is_a_weight_of_one_half(
    gallery: Gallery,
) -> None:
    query = query_of(119)
    before = retrieved(gallery, query)
    first = unit(int(before[0].product.product_id[1:]))
    mean = (2 / 3 * unit(119) + 1 / 3 * first).astype(np.float32)
    expected = nearest(gallery, mean / np.linalg.norm(mean), 12)
    after = AlphaQueryExpansion(gallery, n=1, alpha=0.0, weight=0.5)(query, before)
    assert ids(after)[:12] == ids(expected)


def test_early_and_late_diffusion_of_everything_are_the_full_solution(
    gallery: Gallery, offline: OfflineDiffusion
) -> None:
    query = query_of(113)
    full = slow_diffusion(everything(), unit(113), GRAPH, 4, 3.0)
    reached = int((full > 1e-9).sum())
    assert reached > 4
    expected = names(np.argsort(-full)[: min(reached, 12)])
    options = {"k_q": 4, "gamma_q": 3.0}
    graph = NeighbourGraph.of(gallery, 4)
    early = Diffusion(gallery, graph, depth=COUNT, gamma=3.0, alpha=0.5, **options)
    late = LateDiffusion(gallery, offline, **options)
    for step in (early, late):
        after = step(query, retrieved(gallery, query))
        assert ids(after)[: len(expected)] == expected


def test_early_truncation_leaves_the_others_behind_in_visual_order(gallery: Gallery) -> None:
    query = query_of(114)
    before = retrieved(gallery, query)
    after = Diffusion(gallery, NeighbourGraph.of(gallery, 3), depth=5)(query, before)
    assert set(ids(after)[:5]) == set(ids(before)[:5])
    assert ids(after)[5:] == ids(before)[5:]


def test_early_truncation_cuts_its_graph_out_of_that_of_the_whole_gallery(
    gallery: Gallery,
) -> None:
    query, depth = query_of(118), 12
    nearest = sorted(range(COUNT), key=lambda p: -float(unit(118) @ unit(p)))[:depth]
    whole = slow_affinity(everything(), 5, 3.0)[np.ix_(nearest, nearest)]
    start = np.zeros(depth)
    for place in range(6):
        start[place] = max(float(unit(118) @ unit(nearest[place])), 0) ** 3
    scores = np.linalg.solve(np.eye(depth) - 0.9 * slow_spreading(whole), start)
    expected = names([nearest[place] for place in np.argsort(-scores, kind="stable")])
    # Neighbours found anew among the twelve would rank them in another order.
    anew = slow_diffusion(everything()[nearest], unit(118), Graph(5, 3.0, 0.9), 6, 3.0)
    assert expected != names([nearest[place] for place in np.argsort(-anew, kind="stable")])
    graph = NeighbourGraph.of(gallery, 5)
    step = Diffusion(gallery, graph, depth=depth, alpha=0.9, k_q=6)
    assert ids(step(query, retrieved(gallery, query, depth))) == expected


def test_an_image_that_was_added_since_has_no_neighbours(tmp_path: Path) -> None:
    made = filled(tmp_path / "g.lens", list(range(10)))
    graph = NeighbourGraph.of(made, 4)
    made.upsert(rows(("new", "1.jpg", 99)))
    cut = graph.among(["new/1.jpg", "p03/1.jpg", "p01/1.jpg"]).toarray()
    assert not cut[0].any()
    assert not cut[:, 0].any()
    both = slow_affinity(np.stack([unit(number) for number in range(10)]), 4, 1.0)
    np.testing.assert_allclose(cut[1:, 1:], both[np.ix_([3, 1], [3, 1])], atol=1e-6)


def slow_superglobal(query: np.ndarray, descriptors: np.ndarray) -> list[float]:
    refined = []
    for place, own in enumerate(descriptors):
        others = [other for other in range(len(descriptors)) if other != place]
        others.sort(key=lambda other, own=own: -float(own @ descriptors[other]))
        total, weights = own.astype(np.float64), 1.0
        for other in others[:9]:
            weight = 0.15 * max(0.0, float(own @ descriptors[other]))
            total, weights = total + weight * descriptors[other], weights + weight
        refined.append(total / weights)
    # As the authors' program: the ten whose refined descriptors are nearest to the query.
    first = sorted(refined, key=lambda row: -float(query @ row))[:10]
    best = [max(row[channel] for row in first) for channel in range(len(query))]
    return [float((query @ row + np.array(best) @ row) / 2) for row in refined]


@given(st.integers(1, 30), st.integers(0, 1000))
def test_superglobal_agrees_with_its_formula_in_plain_loops(count: int, seed: int) -> None:
    descriptors = np.stack([unit(seed + place) for place in range(count)])
    query = unit(seed + count)
    descriptors = descriptors[np.argsort(-(descriptors @ query))]
    found = superglobal(query, descriptors)
    np.testing.assert_allclose(found, slow_superglobal(query, descriptors), atol=1e-5)


def test_the_ten_of_superglobal_are_those_nearest_after_refinement() -> None:
    descriptors = np.stack([unit(seed) for seed in range(30)])
    query = unit(200)
    descriptors = descriptors[np.argsort(-(descriptors @ query))]
    refined_first = slow_superglobal(query, descriptors)
    shuffled = np.random.default_rng(0).permutation(30)
    found = superglobal(query, descriptors[shuffled])
    np.testing.assert_allclose(found, np.array(refined_first)[shuffled], atol=1e-5)


def test_superglobal_looks_beyond_the_short_list(gallery: Gallery) -> None:
    query = query_of(115)
    nearest = sorted(range(COUNT), key=lambda p: -float(unit(115) @ unit(p)))
    scores = slow_superglobal(unit(115), everything()[nearest])
    expected = names([nearest[place] for place in np.argsort(-np.array(scores))[:12]])
    after = SuperGlobal(gallery)(query, retrieved(gallery, query))
    assert ids(after)[:12] == expected


def test_late_diffusion_comes_back_from_bytes_as_it_was(
    gallery: Gallery, offline: OfflineDiffusion
) -> None:
    again = OfflineDiffusion.from_bytes(offline.to_bytes())
    assert again.image_ids == offline.image_ids
    assert (again.matrix != offline.matrix).nnz == 0
    query = query_of(116)
    one, two = (
        LateDiffusion(gallery, kept)(query, retrieved(gallery, query)) for kept in (offline, again)
    )
    assert one.rows == two.rows


@pytest.mark.parametrize("data", [b"", b"noise", b"PK\x03\x04broken"])
def test_damaged_bytes_are_one_sentence(data: bytes) -> None:
    with pytest.raises(CollectionError, match=r"diffusion is damaged .* index"):
        OfflineDiffusion.from_bytes(data)


def test_late_diffusion_notices_a_changed_gallery(tmp_path: Path) -> None:
    made = filled(tmp_path / "g.lens", list(range(10)))
    late = LateDiffusion(made, OfflineDiffusion.of(made, GRAPH))
    query = query_of(117)
    late(query, retrieved(made, query))
    made.upsert(rows(("new", "1.jpg", 99)))
    with pytest.raises(CollectionError, match="run `beautylens index` again"):
        late(query, retrieved(made, query))
    made.delete(["new"])
    late(query, retrieved(made, query))
    made.delete(["p03"])
    with pytest.raises(CollectionError, match="added or removed"):
        late(query, retrieved(made, query))


def test_a_recipe_of_diffusion_without_its_artefact_says_what_to_do(gallery: Gallery) -> None:
    for settings in (
        LateDiffusionSettings(kind="late_diffusion"),
        DiffusionSettings(kind="diffusion"),
    ):
        with pytest.raises(CollectionError, match="is missing; run `beautylens index` again"):
            make_expansion(settings, gallery, Derived())


def test_a_recipe_with_an_expansion_searches_and_times_it(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[expand]\nkind = "alpha_qe"\nn = 1\nalpha = 0\n')
    mine: Collection = build(
        shop.table, tmp_path / "c.lens", recipe=read_recipe(tmp_path / "mine.toml")
    )[0]
    matches = mine.search(shop.photo(0))
    assert len(matches) == 7
    assert set(matches.milliseconds) == {
        "decode", "describe", "retrieve", "expand", "read", "score", "total",
    }  # fmt: skip
