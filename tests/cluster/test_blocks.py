"""How a catalogue is split into blocks for the workers of a cluster."""

from __future__ import annotations

import pyarrow as pa
import pytest

from beautylens.cluster.build import _MAX_BLOCK, _MIN_BLOCK, _blocks


def test_the_first_blocks_are_small_so_that_there_soon_is_something_to_commit() -> None:
    count, workers = 300_000, 4
    rows = pa.table({"product_id": pa.array(map(str, range(count)))})
    sizes = [len(block) for block in _blocks(rows, workers)]
    assert sum(sizes) == count
    assert sizes[:workers] == [_MIN_BLOCK] * workers
    assert sizes[workers : 2 * workers] == [2 * _MIN_BLOCK] * workers
    assert max(sizes) == _MAX_BLOCK
    assert sizes[:-1] == sorted(sizes[:-1])


@pytest.mark.parametrize("each", [1, 5])
def test_a_product_is_never_in_two_blocks(each: int) -> None:
    ids = [str(number // each) for number in range(1000)]
    blocks = list(_blocks(pa.table({"product_id": ids}), 2))
    assert [name for block in blocks for name in block["product_id"].to_pylist()] == ids
    products = [set(block["product_id"].to_pylist()) for block in blocks]
    assert sum(map(len, products)) == len(set(ids))
