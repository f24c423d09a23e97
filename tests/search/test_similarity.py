"""The distances of the source papers, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beautylens.features.pooling import unit_rows
from beautylens.search.similarity import SIMILARITIES

ROWS = arrays(np.float32, (7, 5), elements=st.floats(0, 1, width=32)).map(
    lambda rows: unit_rows(rows + np.float32(1e-3))
)


@given(ROWS)
def test_l1_and_l2_are_negated_distances(rows: np.ndarray) -> None:
    query, gallery = rows[0], rows[1:]
    for name, exponent in (("l1", 1), ("l2", 2)):
        expected = [
            -(
                (sum(abs(float(a) - float(b)) ** exponent for a, b in zip(query, row, strict=True)))
                ** (1 / exponent)
            )
            for row in gallery
        ]
        np.testing.assert_allclose(SIMILARITIES[name](query, gallery), expected, atol=1e-5)


@given(ROWS)
def test_unit_vectors_rank_alike_by_l2_and_by_cosine(rows: np.ndarray) -> None:
    query, gallery = rows[0], rows[1:]
    cosines = SIMILARITIES["cosine"](query, gallery)
    distances = -SIMILARITIES["l2"](query, gallery)
    np.testing.assert_allclose(distances**2, np.maximum(0, 2 - 2 * cosines), atol=1e-5)
