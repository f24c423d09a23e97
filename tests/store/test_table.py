"""A table that several threads read and write: they see whole commits, and lose none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest

from beautylens.store.table import Table, table_names

SCHEMA = pa.schema([("key", pa.string()), ("value", pa.int64())])


def rows(keys: range) -> pa.Table:
    return pa.table({"key": [str(key) for key in keys], "value": list(keys)}, SCHEMA)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "t.lance")


def test_a_table_sees_what_another_wrote_at_once(address: str) -> None:
    first, second = Table.create(address, rows(range(3))), Table(address)
    first.add(rows(range(3, 5)))
    assert second.count_rows() == 5
    second.delete("value < 2")
    assert sorted(first.select(["value"])["value"].to_pylist()) == [2, 3, 4]


def test_threads_write_and_read_one_table_without_losing_or_halving_a_commit(address: str) -> None:
    table = Table.ensure(address, SCHEMA)

    def write(thread: int) -> None:
        for number in range(5):
            first = 20 * thread + 2 * number
            table.add(rows(range(first, first + 2)))

    def read(_: int) -> list[int]:
        return [table.count_rows() for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(write, thread) for thread in range(4)]
        counts = [count for each in pool.map(read, range(4)) for count in each]
        for each in written:
            each.result()
    assert not any(count % 2 for count in counts)
    assert sorted(table.select(["value"])["value"].to_pylist()) == sorted(
        20 * thread + number for thread in range(4) for number in range(10)
    )


def test_a_table_is_made_once_and_one_of_other_columns_is_refused(address: str) -> None:
    Table.ensure(address, SCHEMA).add(rows(range(2)))
    assert Table.ensure(address, SCHEMA).count_rows() == 2
    with pytest.raises(ValueError, match="Schema"):
        Table.ensure(address, pa.schema([("key", pa.string())]))
    with pytest.raises(OSError, match="already exists"):
        Table.create(address, rows(range(1)))


def test_the_tables_of_a_folder_are_listed_by_name(tmp_path: Path) -> None:
    Table.create(str(tmp_path / "one.lance"), rows(range(1)))
    (tmp_path / "pictures").mkdir()
    assert table_names(str(tmp_path)) == ["one"]
    assert table_names(str(tmp_path / "missing")) == []


def test_no_row_id_takes_no_row(address: str) -> None:
    table = Table.create(address, rows(range(3)))
    assert table.take([], ["key"]).num_rows == 0
    assert table.take([1, 7], ["key"])["key"].to_pylist() == ["1"]
