"""Matches with given evidence, and random short-lists of them."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from beautylens.reasons import Reasons
from beautylens.results import Match, Matches, Product


def match(product: str, image: str = "", **reasons: object) -> Match:
    return Match(image or f"{product}-image", Product(product), "", 0.0, Reasons(**reasons))


def short_list(*matches: Match) -> Matches:
    return Matches(matches)


def products(matches: Sequence[Match] | Matches) -> list[str]:
    return [match.product.product_id for match in matches]


reasons = st.builds(
    Reasons,
    visual=st.none() | st.floats(-1, 1),
    local=st.none() | st.floats(-1, 1),
    inliers=st.none() | st.integers(0, 500),
    text=st.none() | st.floats(0, 20),
    colour=st.none() | st.floats(0, 60),
)


@st.composite
def short_lists(draw: st.DrawFn) -> Matches:
    rows = draw(st.lists(st.tuples(st.integers(0, 5), reasons), min_size=1, max_size=15))
    return Matches(
        tuple(
            Match(f"i{place}", Product(f"p{number}"), "", 0.0, why)
            for place, (number, why) in enumerate(rows)
        )
    )
