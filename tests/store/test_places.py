"""Rows read at the places where they were last seen, whatever happened to them since."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import pyarrow as pa
import pytest

from beautylens.store.row_id_cache import RowIdCache


@pytest.fixture
def table(tmp_path: Path) -> Any:
    rows = pa.table({"image_id": [f"i{n}" for n in range(50)], "value": list(range(50))})
    database = lancedb.connect(tmp_path, read_consistency_interval=timedelta(0))
    return database.create_table("images", rows)


def values(places: RowIdCache, *image_ids: str) -> dict[str, int]:
    rows = places.read(image_ids, ["value"])
    assert rows.column_names == ["image_id", "value"]
    assert len(rows) == len(set(rows["image_id"].to_pylist()))
    return dict(zip(rows["image_id"].to_pylist(), rows["value"].to_pylist(), strict=True))


def test_rows_are_found_the_first_time_and_again(table: Any) -> None:
    places = RowIdCache(table)
    for _ in range(2):
        assert values(places, "i3", "i40", "i3") == {"i3": 3, "i40": 40}
    assert values(places) == {}
    assert values(places, "none") == {}
    assert values(places, "i7", "it's") == {"i7": 7}


def test_an_answer_teaches_the_places_without_a_look_up(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = RowIdCache(table)
    answer = table.search().select(["image_id"]).with_row_id(True).to_arrow()
    assert places.remember(answer).column_names == ["image_id"]
    monkeypatch.setattr(table, "search", None)
    assert values(places, "i3", "i40") == {"i3": 3, "i40": 40}


def test_removed_replaced_and_moved_rows_are_not_mistaken(table: Any) -> None:
    places = RowIdCache(table)
    assert len(values(places, *(f"i{n}" for n in range(50)))) == 50
    table.delete("image_id IN ('i3', 'i4')")
    table.merge_insert("image_id").when_matched_update_all().execute(
        pa.table({"image_id": ["i5"], "value": [500]})
    )
    table.add(pa.table({"image_id": ["i3"], "value": [300]}))
    expected = {"i2": 2, "i3": 300, "i5": 500}
    assert values(places, "i2", "i3", "i4", "i5") == expected
    table.optimize()
    assert values(places, "i2", "i3", "i4", "i5") == expected


def test_what_is_remembered_is_bounded(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("beautylens.store.row_id_cache._MOST", 10)
    places = RowIdCache(table)
    for n in range(50):
        assert values(places, f"i{n}") == {f"i{n}": n}
    assert len(places._rows) <= 11


def test_another_row_at_a_remembered_place_is_looked_up(table: Any) -> None:
    places = RowIdCache(table)
    assert values(places, "i1", "i2") == {"i1": 1, "i2": 2}
    places._rows["i1"] = places._rows["i2"]
    assert values(places, "i1", "i2") == {"i1": 1, "i2": 2}
