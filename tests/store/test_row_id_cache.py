"""Rows read at the row ids they were last seen at, whatever happened to them since."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from beautylens.store.row_id_cache import RowIdCache
from beautylens.store.table import Table


@pytest.fixture
def table(tmp_path: Path) -> Table:
    rows = pa.table({"image_id": [f"i{n}" for n in range(50)], "value": list(range(50))})
    return Table.create(str(tmp_path / "images.lance"), rows)


def values(cache: RowIdCache, *image_ids: str) -> dict[str, int]:
    rows = cache.read(image_ids, ["value"])
    assert rows.column_names == ["image_id", "value"]
    assert len(rows) == len(set(rows["image_id"].to_pylist()))
    return dict(zip(rows["image_id"].to_pylist(), rows["value"].to_pylist(), strict=True))


def test_rows_are_found_the_first_time_and_again(table: Table) -> None:
    cache = RowIdCache(table)
    for _ in range(2):
        assert values(cache, "i3", "i40", "i3") == {"i3": 3, "i40": 40}
    assert values(cache) == {}
    assert values(cache, "none") == {}
    assert values(cache, "i7", "it's") == {"i7": 7}


def test_rows_read_by_row_id_are_found_by_image_id_without_a_query(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = RowIdCache(table)
    answer = table.select(["image_id"], with_row_id=True)
    assert cache.at(answer["_rowid"].to_pylist(), []).column_names == ["image_id"]
    monkeypatch.setattr(cache, "_query", None)
    assert values(cache, "i3", "i40") == {"i3": 3, "i40": 40}


def test_removed_replaced_and_moved_rows_are_not_mistaken(table: Table) -> None:
    cache = RowIdCache(table)
    assert len(values(cache, *(f"i{n}" for n in range(50)))) == 50
    table.delete("image_id IN ('i3', 'i4')")
    table.merge("image_id", pa.table({"image_id": ["i5"], "value": [500]}))
    table.add(pa.table({"image_id": ["i3"], "value": [300]}))
    expected = {"i2": 2, "i3": 300, "i5": 500}
    assert values(cache, "i2", "i3", "i4", "i5") == expected
    with table.writing() as dataset:
        dataset.optimize.compact_files()
    assert values(cache, "i2", "i3", "i4", "i5") == expected


def test_the_cache_is_bounded(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beautylens.store.row_id_cache._MAX_CACHED", 10)
    cache = RowIdCache(table)
    for n in range(50):
        assert values(cache, f"i{n}") == {f"i{n}": n}
    assert len(cache._row_ids) <= 11


def test_another_row_at_a_cached_row_id_is_looked_up(table: Table) -> None:
    cache = RowIdCache(table)
    assert values(cache, "i1", "i2") == {"i1": 1, "i2": 2}
    cache._row_ids["i1"] = cache._row_ids["i2"]
    assert values(cache, "i1", "i2") == {"i1": 1, "i2": 2}
