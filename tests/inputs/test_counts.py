from __future__ import annotations

import numpy as np
import pytest

from beautylens.collection import Collection
from beautylens.errors import QueryError
from beautylens.evaluation.run import run_queries
from beautylens.indexing import index
from beautylens.inputs.counts import at_least_one, none_or_at_least_one
from beautylens.results import Matches
from tests.conftest import Shop


@pytest.mark.parametrize("count", [0, -1, 2.0, "7", None])
def test_what_is_no_whole_number_of_at_least_one_is_refused_in_a_sentence(count: object) -> None:
    with pytest.raises(QueryError, match=r"^limit is .+; give a whole number, 1 or more$"):
        at_least_one(count, "limit")  # type: ignore[arg-type]


def test_whole_numbers_of_numpy_count_and_none_stays_none() -> None:
    assert at_least_one(np.int64(3), "limit") == 3
    assert none_or_at_least_one(None, "workers") is None


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused_wherever_matches_are_limited(
    limit: int, shop: Shop, collection: Collection
) -> None:
    photo = collection.photo(shop.photo(0))
    for limited in (
        lambda: collection.search(shop.photo(0), limit),
        lambda: collection.parts.pipeline.search(photo, limit),
        lambda: Matches().top(limit),
        lambda: list(run_queries(collection, (), limit)),
    ):
        with pytest.raises(QueryError, match=f"^limit is {limit}; "):
            limited()


@pytest.mark.parametrize("workers", [0, -2])
def test_fewer_than_one_worker_is_refused_before_anything_is_made(
    workers: int, shop: Shop, collection: Collection
) -> None:
    new = shop.folder / "never.lens"
    with pytest.raises(QueryError, match=f"^workers is {workers}; "):
        index(shop.table, new, workers=workers)
    assert not new.exists()
    with pytest.raises(QueryError, match=f"^workers is {workers}; "):
        collection.add(shop.table, workers=workers)
    with pytest.raises(QueryError, match=f"^workers is {workers}; "):
        collection.read_pictures(workers=workers)
