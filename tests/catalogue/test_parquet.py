"""Parquet tables that hold their pictures themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beautylens.catalogue.table import read_catalogue
from beautylens.collection import Collection
from beautylens.errors import ImageError
from beautylens.images.decode import decode
from beautylens.images.files import read_bytes
from beautylens.images.parquet import parquet_image_at
from beautylens.indexing import build
from tests.conftest import Shop

IDS = [f"p{number:02}" for number in range(4)]


def write(folder: Path, image: list[Any] | pa.Array, **columns: list[Any]) -> Path:
    """A table of four products in row groups of three rows."""
    table = folder / "table.parquet"
    data = {"product_id": IDS[: len(image)], "image": image, **columns}
    pq.write_table(pa.table(data), table, row_group_size=3)
    return table


def data_of(shop: Shop, number: int) -> bytes:
    return shop.picture(number).read_bytes()


def read_back(table: Path) -> list[bytes]:
    catalogue = read_catalogue(table)
    assert catalogue.faults == ()
    images = catalogue.rows["image"].to_pylist()
    return [read_bytes(catalogue.image_path(image)) for image in images]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_a_column_of_bytes_is_read_as_pictures(
    shop: Shop, tmp_path: Path, kind: pa.DataType
) -> None:
    data = [data_of(shop, number) for number in range(4)]
    assert read_back(write(tmp_path, pa.array(data, kind))) == data


def test_bytes_with_a_path_are_read_as_pictures(shop: Shop, tmp_path: Path) -> None:
    data = [data_of(shop, number) for number in range(4)]
    cells = [{"bytes": each, "path": f"{number}.jpg"} for number, each in enumerate(data)]
    assert read_back(write(tmp_path, cells)) == data


def test_a_row_may_have_a_path_alone_or_several_pictures(shop: Shop, tmp_path: Path) -> None:
    first, second = data_of(shop, 0), data_of(shop, 1)
    cells = [
        [{"bytes": first, "path": None}, {"bytes": second, "path": None}],
        [{"bytes": None, "path": str(shop.picture(2))}],
        [],
        None,
    ]
    catalogue = read_catalogue(write(tmp_path, cells))
    assert [fault.row for fault in catalogue.faults] == [3, 4]
    paths = [catalogue.image_path(image) for image in catalogue.rows["image"].to_pylist()]
    assert [read_bytes(path) for path in paths] == [first, second, data_of(shop, 2)]


def test_a_further_column_may_hold_pictures_and_others_are_never_printed(
    shop: Shop, tmp_path: Path
) -> None:
    data = [data_of(shop, number) for number in range(2)]
    table = write(tmp_path, [str(shop.picture(3))] * 2, image_2=data, icon=data)
    catalogue = read_catalogue(table)
    assert catalogue.rows["image"].to_pylist()[1] == "table.parquet#image_2=0"
    assert catalogue.rows["icon"].to_pylist()[0] == f"{len(data[0]):,} bytes"


def test_bytes_that_are_paths_are_paths(shop: Shop, tmp_path: Path) -> None:
    table = write(tmp_path, [str(shop.picture(number)).encode() for number in range(4)])
    assert read_back(table) == [data_of(shop, number) for number in range(4)]


def test_a_collection_of_embedded_pictures_finds_shows_and_resumes(
    shop: Shop, tmp_path: Path
) -> None:
    data = [data_of(shop, number) for number in range(3)]
    table = write(tmp_path, [*data, b"no picture \xff"])
    built, filled = build(table, tmp_path / "c.lens", recipe="fast")
    assert (filled.written, [failure.row for failure in filled.failures]) == (3, [4])
    assert "table.parquet#image=3 holds no known picture" in filled.failures[0].error
    found = first_of(built, shop)
    assert decode(found).shape == (400, 300, 3)
    _, again = build(table, tmp_path / "c.lens", recipe="fast")
    assert (again.written, again.present, again.notes) == (0, 3, ())


def first_of(built: Collection, shop: Shop) -> str:
    match = built.search(shop.photo(1))[0]
    assert match.product.product_id == "p01"
    return match.image


def test_a_picture_that_is_gone_from_its_table_is_said(shop: Shop, tmp_path: Path) -> None:
    table = write(tmp_path, [data_of(shop, 0)])
    with pytest.raises(ImageError, match=r"image=7 cannot be read .*no such row"):
        read_bytes(f"{table}#image=7")
    with pytest.raises(ImageError, match=r"photo=0 cannot be read .*no such row or column"):
        read_bytes(f"{table}#photo=0")
    table.unlink()
    with pytest.raises(ImageError, match=r"image=0 cannot be read .*No such file"):
        read_bytes(f"{table}#image=0")


def test_a_file_of_such_a_name_is_that_file(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet#b=1"
    file.write_bytes(b"x")
    assert parquet_image_at(file) is None
    assert read_bytes(file) == b"x"
