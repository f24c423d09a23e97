"""Diffusion on the nearest-neighbour graph of the gallery (Iscen et al., 2017).

The query's similarities to its nearest images spread over the graph, so that images rank high that
are similar to the query by way of others. Notation and formulas: docs/method.md, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from beautylens.arrays import Float32, Float64, Intp
from beautylens.features.neighbours.knn import Neighbours, nearest_neighbours

ITERATIONS = 20
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Graph:
    """Settings of the diffusion graph.

    Args:
        k_d: nearest images of an image, itself included as in the authors' program: k_d - 1 others;
            mutual neighbours are joined by an edge.
        gamma: exponent of the similarity in an edge's weight.
        alpha: damping factor, 0 or more and below 1.
    """

    k_d: int = 50
    gamma: float = 3.0
    alpha: float = 0.99


def mutual(neighbours: Neighbours) -> scipy.sparse.csr_matrix:
    """Return max(s, 0) between mutual neighbours, else 0.

    (N, N) float64, symmetric, with a diagonal of zeros.
    """
    count, k = neighbours.rows.shape
    similarities = np.maximum(neighbours.similarities.astype(np.float64), 0)
    starts = np.arange(0, count * k + 1, k) if k else np.zeros(count + 1, np.int64)
    directed = scipy.sparse.csr_matrix(
        (similarities.ravel(), neighbours.rows.ravel(), starts), (count, count)
    )
    # The minimum of both directions is 0 unless neighbours are mutual.
    both = directed.minimum(directed.T).tocsr()
    both.eliminate_zeros()
    return both


def affinity(similarities: scipy.sparse.csr_matrix, gamma: float) -> scipy.sparse.csr_matrix:
    """Return A: the similarities of `mutual` neighbours to the power of gamma, else 0."""
    return similarities.power(gamma).tocsr()


def normalised(weights: scipy.sparse.csr_matrix) -> scipy.sparse.csr_matrix:
    """Return S = D^-1/2 A D^-1/2, D the row sums of A; rows of zeros stay zero."""
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    scales = np.zeros_like(degrees)
    np.divide(1, np.sqrt(degrees), out=scales, where=degrees > 0)
    scale = scipy.sparse.diags(scales)
    return (scale @ weights @ scale).tocsr()


def query_weights(similarities: Float32, k_q: int, gamma_q: float) -> Float64:
    """Return y: max(s, 0)^gamma_q on the query's k_q nearest images, else 0.

    Args:
        similarities: (N,) cosines of the query to each image; ties keep their order.
        k_q: nearest images that the query is joined to.
        gamma_q: exponent of their similarity.
    """
    nearest = np.argsort(-similarities, kind="stable")[:k_q]
    weights = np.zeros(len(similarities))
    weights[nearest] = np.maximum(similarities[nearest].astype(np.float64), 0) ** gamma_q
    return weights


def linear_system(spreading: scipy.sparse.csr_matrix, alpha: float) -> scipy.sparse.csr_matrix:
    """Return I - alpha S: symmetric, and positive definite as S has no eigenvalue above 1.

    Args:
        spreading: S, (N, N).
        alpha: 0 or more, below 1.
    """
    return (scipy.sparse.identity(spreading.shape[0], format="csr") - alpha * spreading).tocsr()


def solve(
    system: scipy.sparse.csr_matrix,
    start: Float64,
    *,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
) -> Float64:
    """Return the solution f of (I - alpha S) f = y by a few iterations of conjugate gradients.

    Args:
        system: I - alpha S, (N, N).
        start: y, (N,), 0 or more.
        iterations: the largest number of iterations, converged or not.
        tolerance: the relative residual at which to stop.
    """
    # Imported late: few searches use diffusion.
    from scipy.sparse.linalg import cg

    largest = start.max(initial=0)
    if largest == 0:
        return np.zeros_like(start)
    # Scaled by the largest value: squares of high powers of similarities would underflow.
    scaled, _ = cg(system, start / largest, rtol=tolerance, atol=0, maxiter=iterations)
    return np.asarray(scaled * largest, np.float64)


def diffuse(
    edges: scipy.sparse.csr_matrix, similarities: Float32, alpha: float, *, k_q: int, gamma_q: float
) -> Float64:
    """Return f over the given images alone: early truncation if they are the query's nearest.

    Args:
        edges: A among these images, (N, N), cut out of that of the whole gallery.
        similarities: (N,) cosines of the query to each of them.
        alpha: damping factor.
        k_q: nearest images that the query is joined to.
        gamma_q: exponent of their similarity.
    """
    start = query_weights(similarities, k_q, gamma_q)
    return solve(linear_system(normalised(edges), alpha), start)


def offline_diffusion(
    descriptors: Float32, graph: Graph, *, truncation: int = 1024
) -> scipy.sparse.csr_matrix:
    """Return offline diffusion: the solution for a query joined to each single image.

    Yang et al., "Efficient Image Retrieval via Decoupling Diffusion into Online and Offline
    Processing", AAAI 2019. Row i is c_i = CG((I - alpha S)[T_i, T_i], e_1), T_i the image and its
    nearest, S that of the whole gallery. A query's f is the sum of its neighbours' rows, each times
    the neighbour's weight: late truncation. Takes 8 bytes for each of N x truncation values, twice
    that while it is computed.

    Args:
        descriptors: (N, D) float32, unit rows.
        graph: settings of the graph.
        truncation: the size of T_i, at least 1.

    Returns:
        (N, N) float32, sparse; row i is 0 outside T_i.
    """
    count = len(descriptors)
    wide = nearest_neighbours(descriptors, max(truncation, graph.k_d) - 1)
    edges = affinity(mutual(wide.first(graph.k_d - 1)), graph.gamma)
    system = linear_system(normalised(edges), graph.alpha)
    near = wide.first(truncation - 1).rows
    truncated = np.concatenate([np.arange(count, dtype=np.int32)[:, None], near], axis=1)
    values = np.empty(truncated.shape, np.float32)
    first = np.zeros(truncated.shape[1])
    first[:1] = 1
    for image, kept in enumerate(truncated):
        values[image] = solve(system[kept][:, kept], first)
    starts = np.arange(count + 1, dtype=np.int64) * truncated.shape[1]
    matrix = scipy.sparse.csr_matrix((values.ravel(), truncated.ravel(), starts), (count, count))
    matrix.sort_indices()
    return matrix


def late_diffusion(matrix: scipy.sparse.csr_matrix, rows: Intp, weights: Float64) -> Any:
    """Return f = Σ weight · matrix row as a sparse row, (1, N).

    Args:
        matrix: of `offline_diffusion`.
        rows: (k_q,) the query's nearest images.
        weights: (k_q,) their similarities to the power of gamma_q.
    """
    return scipy.sparse.csr_matrix(weights) @ matrix[rows]
