"""Diffusion against dense matrices filled in plain loops and solved by elimination."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.features.neighbours.diffusion import (
    Graph,
    affinity,
    diffuse,
    late_diffusion,
    linear_system,
    mutual,
    normalised,
    offline_diffusion,
    query_weights,
    solve,
)
from beautylens.features.neighbours.knn import nearest_neighbours


def graph_of(descriptors: np.ndarray, k_d: int, gamma: float = 3.0) -> object:
    """The edges of all descriptors; k_d counts the image itself."""
    return affinity(mutual(nearest_neighbours(descriptors, k_d - 1)), gamma)


def unit_rows(seed: int, count: int, dimensions: int = 5) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dimensions)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def slow_affinity(descriptors: np.ndarray, k_d: int, gamma: float) -> np.ndarray:
    """Edges as the authors' program draws them: an image is the first of its own k_d nearest."""
    count = len(descriptors)
    similarities = descriptors.astype(np.float64) @ descriptors.T.astype(np.float64)
    near = []
    for own in range(count):
        others = sorted(
            (other for other in range(count) if other != own),
            key=lambda other, own=own: (-similarities[own, other], other),
        )
        near.append({own, *others[: k_d - 1]})
    weights = np.zeros((count, count))
    for one in range(count):
        for other in range(count):
            if one != other and other in near[one] and one in near[other]:
                weights[one, other] = max(similarities[one, other], 0) ** gamma
    return weights


def slow_spreading(weights: np.ndarray) -> np.ndarray:
    degrees = weights.sum(axis=1)
    spreading = np.zeros_like(weights)
    for one in range(len(weights)):
        for other in range(len(weights)):
            if weights[one, other] > 0:
                spreading[one, other] = weights[one, other] / np.sqrt(degrees[one] * degrees[other])
    return spreading


def slow_diffusion(
    descriptors: np.ndarray, query: np.ndarray, graph: Graph, k_q: int, gamma_q: float
) -> np.ndarray:
    similarities = descriptors @ query
    start = np.zeros(len(descriptors))
    for place in sorted(range(len(start)), key=lambda p: -similarities[p])[:k_q]:
        start[place] = max(float(similarities[place]), 0) ** gamma_q
    spreading = slow_spreading(slow_affinity(descriptors, graph.k_d, graph.gamma))
    return np.linalg.solve(np.eye(len(start)) - graph.alpha * spreading, start)


@pytest.mark.parametrize(("k_d", "gamma"), [(1, 1.0), (5, 3.0), (100, 3.0)])
def test_affinity_joins_mutual_neighbours_only(k_d: int, gamma: float) -> None:
    descriptors = unit_rows(1, 25)
    found = graph_of(descriptors, k_d, gamma).toarray()
    np.testing.assert_allclose(found, slow_affinity(descriptors, k_d, gamma), atol=1e-6)
    assert np.array_equal(found, found.T)
    assert not found.diagonal().any()


def test_normalisation_divides_by_the_roots_of_both_degrees() -> None:
    weights = slow_affinity(unit_rows(2, 20), 4, 3.0)
    edges = graph_of(unit_rows(2, 20), 4)
    np.testing.assert_allclose(normalised(edges).toarray(), slow_spreading(weights), atol=1e-5)


def test_query_weights_are_powers_of_the_nearest_similarities() -> None:
    similarities = np.array([0.5, -0.2, 0.9, 0.5, 0.1], np.float32)
    expected = [0.5**3, 0, 0.9**3, 0, 0]
    np.testing.assert_allclose(query_weights(similarities, 2, 3.0), expected, rtol=1e-6)
    assert query_weights(similarities, 99, 3.0)[1] == 0
    assert query_weights(similarities[:0], 5, 3.0).shape == (0,)


@given(st.integers(1, 18), st.integers(1, 8), st.floats(0, 0.99), st.integers(0, 1000))
def test_diffusion_solves_the_equation(count: int, k_d: int, alpha: float, seed: int) -> None:
    descriptors, query = unit_rows(seed, count), unit_rows(seed + 1, 1)[0]
    edges = graph_of(descriptors, k_d)
    found = diffuse(edges, descriptors @ query, alpha, k_q=5, gamma_q=3.0)
    expected = slow_diffusion(descriptors, query, Graph(k_d, 3.0, alpha), 5, 3.0)
    np.testing.assert_allclose(found, expected, atol=1e-4 * max(1e-3, expected.max()))


def test_twenty_iterations_are_the_most_that_are_done() -> None:
    descriptors = unit_rows(3, 400)
    edges = graph_of(descriptors, 6)
    system = linear_system(normalised(edges), 0.99)
    start = query_weights(descriptors @ descriptors[0], 10, 3.0)
    exact = np.linalg.solve(system.toarray(), start)
    few, many = solve(system, start), solve(system, start, iterations=2000)
    np.testing.assert_allclose(many, exact, atol=1e-4 * exact.max())
    assert np.abs(few - exact).max() > 1e-3 * exact.max()


def test_an_isolated_image_keeps_what_the_query_gives_it_and_nothing_is_nan() -> None:
    descriptors = np.eye(4, dtype=np.float32)
    descriptors[1] = [0.8, 0.6, 0, 0]
    query = np.array([0, 0, 1, 0], np.float32)
    edges = graph_of(descriptors, 50)
    spread = diffuse(edges, descriptors @ query, 0.99, k_q=4, gamma_q=3.0)
    np.testing.assert_allclose(spread, [0, 0, 1, 0])
    opposite = diffuse(edges, -np.ones(4, np.float32), 0.99, k_q=4, gamma_q=3.0)
    assert opposite.tolist() == [0, 0, 0, 0]
    offline = offline_diffusion(descriptors, Graph(), truncation=4)
    assert np.isfinite(offline.data).all()
    assert offline[2].toarray().tolist() == [[0, 0, 1, 0]]


@given(st.integers(1, 40), st.integers(0, 1000))
def test_without_spreading_only_the_query_weights_count(count: int, seed: int) -> None:
    descriptors, query = unit_rows(seed, count), unit_rows(seed + 1, 1)[0]
    similarities = descriptors @ query
    given_weights = query_weights(similarities, 10, 3.0)
    for alpha in (0.0, 1e-9):
        spread = diffuse(graph_of(descriptors, 50), similarities, alpha, k_q=10, gamma_q=3.0)
        order, expected = np.argsort(-spread)[:10], np.argsort(-given_weights)[:10]
        touched = given_weights[expected] > 0
        assert order[touched].tolist() == expected[touched].tolist()


def test_the_powers_of_the_2019_system_do_not_vanish() -> None:
    descriptors = unit_rows(4, 60, 64)
    similarities = np.linspace(0.02, 0.3, 60).astype(np.float32)
    spread = diffuse(graph_of(descriptors, 50), similarities, 0.99, k_q=7, gamma_q=80.0)
    assert np.isfinite(spread).all()
    assert spread[59] == spread.max() > 0


@given(st.integers(2, 15), st.integers(0, 1000))
def test_the_order_of_the_images_changes_nothing(count: int, seed: int) -> None:
    descriptors, query = unit_rows(seed, count), unit_rows(seed + 1, 1)[0]
    order = np.random.default_rng(seed).permutation(count)
    plain, turned = (
        diffuse(graph_of(rows, 4), rows @ query, 0.9, k_q=5, gamma_q=3.0)
        for rows in (descriptors, descriptors[order])
    )
    np.testing.assert_allclose(turned, plain[order], atol=1e-4)


@given(st.integers(1, 15), st.integers(1, 6), st.integers(0, 1000))
def test_late_truncation_of_nothing_is_the_full_solution(count: int, k_d: int, seed: int) -> None:
    descriptors, query = unit_rows(seed, count), unit_rows(seed + 1, 1)[0]
    graph = Graph(k_d, 3.0, 0.9)
    weights = query_weights(descriptors @ query, 5, 3.0)
    rows = np.flatnonzero(weights)
    matrix = offline_diffusion(descriptors, graph, truncation=count)
    found = late_diffusion(matrix, rows, weights[rows]).toarray()[0]
    expected = slow_diffusion(descriptors, query, graph, 5, 3.0)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_late_truncation_solves_each_image_among_its_nearest() -> None:
    descriptors = unit_rows(5, 30)
    graph = Graph(4, 3.0, 0.9)
    found = offline_diffusion(descriptors, graph, truncation=8).toarray()
    spreading = slow_spreading(slow_affinity(descriptors, 4, 3.0))
    for image in range(30):
        others = sorted(
            (other for other in range(30) if other != image),
            key=lambda other, image=image: -float(descriptors[image] @ descriptors[other]),
        )
        kept = [image, *others[:7]]
        inside = np.eye(8) - 0.9 * spreading[np.ix_(kept, kept)]
        expected = np.zeros(30)
        expected[kept] = np.linalg.solve(inside, np.eye(8)[0])
        np.testing.assert_allclose(found[image], expected, atol=1e-4)
