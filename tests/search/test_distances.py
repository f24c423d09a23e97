"""The distances of the source papers, against plain loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beautylens.features.encoder.pooling import unit_rows
from beautylens.search.distances import SIMILARITIES

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
        # A rounding of 1e-7 in a cosine near 1 is one of 5e-4 in the distance.
        np.testing.assert_allclose(SIMILARITIES[name](query, gallery), expected, atol=1e-3)


@given(arrays(np.float32, (40, 6), elements=st.floats(1 - 2**-10, 1, width=32)).map(unit_rows))
def test_unit_vectors_rank_alike_by_l2_and_by_cosine_however_close(rows: np.ndarray) -> None:
    query, gallery = rows[0], rows[1:]
    by_cosine = np.argsort(-SIMILARITIES["cosine"](query, gallery), kind="stable")
    by_distance = np.argsort(-SIMILARITIES["l2"](query, gallery), kind="stable")
    cosines = SIMILARITIES["cosine"](query, gallery)
    # Cosines that rounding lifts above 1 all have the distance 0.
    assert (
        np.minimum(cosines[by_distance], 1).tolist() == np.minimum(cosines[by_cosine], 1).tolist()
    )
