"""An exported table gives the same catalogue again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from beautylens.catalogue.table import read_catalogue
from beautylens.collection import Collection
from beautylens.errors import TableError
from beautylens.ingest.fill import fill
from beautylens.store.columns import stacked
from beautylens.store.export import WRITERS, export_table
from beautylens.store.gallery import Gallery
from tests.conftest import Shop
from tests.ingest.test_mirror_law import describe


@pytest.mark.parametrize("suffix", WRITERS)
def test_an_exported_table_is_read_as_the_one_that_was_indexed(
    collection: Collection, shop: Shop, tmp_path: Path, suffix: str
) -> None:
    table = tmp_path / f"table{suffix}"
    assert collection.export(table) == 12
    exported = read_catalogue(table)
    known = read_catalogue(shop.table)
    assert exported.extra == known.extra
    names = ["product_id", "name", "brand", "category", "gtin", "shade"]
    order = [("product_id", "ascending")]
    assert exported.rows.select(names).sort_by(order) == known.rows.select(names).sort_by(order)
    pictures = {
        row["product_id"]: exported.image_path(row["image"]) for row in exported.rows.to_pylist()
    }
    assert pictures["p03"] == shop.picture(3)
    assert not list(tmp_path.glob("*.part"))


def test_paths_beside_the_table_are_relative_and_never_taken_apart(tmp_path: Path) -> None:
    for name in ("a;b.jpg", "c.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in.jsonl").write_text(
        json.dumps({"product_id": "p", "image": json.dumps(["a;b.jpg", "c.jpg"])})
    )
    gallery = Gallery.create(tmp_path / "c.lens", dimensions=2, settings={})
    fill(gallery, read_catalogue(tmp_path / "in.jsonl"), describe, resume=False)
    for suffix in WRITERS:
        export_table(gallery, tmp_path / f"out{suffix}")
        rows = read_catalogue(tmp_path / f"out{suffix}").rows
        assert set(rows["image_id"].to_pylist()) == gallery.rows.image_ids()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_vectors_are_those_of_the_collection(
    collection: Collection, tmp_path: Path, suffix: str
) -> None:
    table = tmp_path / f"table{suffix}"
    collection.export(table, vectors=True)
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in table.read_text().splitlines()]
        vectors = np.array([row["descriptor"] for row in rows], np.float32)
    else:
        read = pq.read_table(table)
        rows, vectors = read.to_pylist(), stacked(read["descriptor"])
    ids = [f"{row['product_id']}/gallery/{row['product_id'][1:]}.jpg" for row in rows]
    np.testing.assert_array_equal(vectors, collection.gallery.rows.descriptors(ids))


def test_a_format_that_cannot_be_written_is_refused(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot have vectors"):
        collection.export(tmp_path / "table.csv", vectors=True)
    with pytest.raises(TableError, match=r"ends in \.csv, \.jsonl, \.parquet"):
        collection.export(tmp_path / "table.xlsx")
    assert not list(tmp_path.iterdir())
