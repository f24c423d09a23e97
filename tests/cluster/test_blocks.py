"""How a catalogue is split into blocks for the workers of a cluster."""

from __future__ import annotations

import pyarrow as pa
import pytest

from beautylens.cluster.build import _MAX_BLOCK, _MIN_BLOCK, _bounds


def test_the_first_blocks_are_small_so_that_there_soon_is_something_to_commit() -> None:
    count, workers = 300_000, 4
    rows = pa.table({"product_id": pa.array(map(str, range(count)))})
    sizes = [end - start for start, end in _bounds(rows, workers)]
    assert sum(sizes) == count
    assert sizes[:workers] == [_MIN_BLOCK] * workers
    assert sizes[workers : 2 * workers] == [2 * _MIN_BLOCK] * workers
    assert max(sizes) == _MAX_BLOCK
    assert sizes[:-1] == sorted(sizes[:-1])


@pytest.mark.parametrize("each", [1, 5])
def test_a_product_is_never_in_two_blocks(each: int) -> None:
    ids = [str(number // each) for number in range(1000)]
    bounds = _bounds(pa.table({"product_id": ids}), 2)
    blocks = [ids[start:end] for start, end in bounds]
    assert [name for block in blocks for name in block] == ids
    assert sum(len(set(block)) for block in blocks) == len(set(ids))
