"""A lone text where several are meant is one text, in every function that takes several."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beautylens.catalogue.checks import require_columns
from beautylens.catalogue.datasets.perfect500k import read_lists
from beautylens.catalogue.sources import catalogue_from
from beautylens.catalogue.truth import TruthRow
from beautylens.errors import ImageError, QueryError, TableError
from beautylens.evaluation.metrics import (
    QueryResult,
    average_precision,
    ranked_products,
    recall_at,
    reciprocal_rank,
)
from beautylens.evaluation.tune.photos import split_photos
from beautylens.images.decode import decode
from beautylens.images.limits import Limits
from beautylens.inputs.several import several
from beautylens.results import Matches
from beautylens.store.failures import Failure
from beautylens.store.gallery import Gallery
from beautylens.text.lines import ReadLine
from beautylens.text.overlap import share
from beautylens.text.product_texts import product_texts
from beautylens.text.text_index import TextIndex
from tests.conftest import Shop
from tests.store.test_gallery import DIMENSIONS, rows, unit


def test_a_lone_text_or_path_is_one_and_others_come_in_their_order() -> None:
    assert several("12") == ("12",)
    assert several("") == ("",)
    assert several(Path("a.csv")) == (Path("a.csv"),)
    assert several(["b", "a"]) == ("b", "a")
    assert several(name for name in "ab") == ("a", "b")


@pytest.fixture
def gallery(tmp_path: Path) -> Gallery:
    """Products 1, 2 and 12, and a failed picture of each."""
    made = Gallery.create(tmp_path / "g.lens", dimensions=DIMENSIONS, settings={"recipe": {}})
    made.upsert(rows(("1", "a", 1), ("2", "b", 2), ("12", "c", 3)))
    failed = [Failure(f"{p}/x", p, "x", 1, "gone") for p in ("1", "2", "12")]
    made.failures.replace(["1", "2", "12"], failed)
    return made


ONE: dict[str, Callable[[Gallery], object]] = {
    "known": lambda g: g.products.known("12") == {"12"},
    "pictures": lambda g: g.products.pictures("12") == {"12": "/pictures/c"},
    "products.images": lambda g: [m.image_id for m in g.products.images("12")] == ["12/c"],
    "descriptors": lambda g: np.allclose(g.rows.descriptors("12/c"), unit(3)[None]),
    "vectors": lambda g: g.rows.vectors("12/c", "descriptor")[0] == ["12/c"],
    "keypoints": lambda g: set(g.rows.keypoints("12/c")) == {"12/c"},
    "images": lambda g: set(g.rows.images("12/c")) == {"12/c"},
    "among": lambda g: [m.image_id for m in g.rows.among("12/c", unit(3))] == ["12/c"],
    "scored": lambda g: [m.image_id for m in g.products.scored("12", unit(3))] == ["12/c"],
    "stream": lambda g: next(iter(g.rows.stream("image_id"))).schema.names == ["image_id"],
    "add_columns": lambda g: g.rows.add_columns("size") or g.rows.extra == ("size",),
    "failures": lambda g: g.failures.replace("12", []) or len(g.failures.all()) == 2,
    "delete": lambda g: g.delete("12") == 1 and g.products.known(["1", "2"]) == {"1", "2"},
}


@pytest.mark.parametrize("name", ONE)
def test_a_gallery_takes_a_lone_id_for_one_product_or_image(gallery: Gallery, name: str) -> None:
    assert ONE[name](gallery)


def test_answers_to_photos_take_a_lone_id_for_one_product() -> None:
    row = TruthRow(Path("q.jpg"), "12", "11")
    assert (row.product_ids, row.ignore_ids) == ({"12"}, {"11"})
    assert QueryResult(Path("q.jpg"), "12", "", "", Matches(), None).truths == {"12"}
    assert split_photos([row], "12").left_out == 0


def test_measures_take_a_lone_id_for_one_product() -> None:
    ranking, measured = ["1", "2", "12"], {"ignore": "11", "denominator": "all"}
    assert average_precision(ranking, "12", **measured) == pytest.approx(1 / 3)
    assert reciprocal_rank(ranking, "12") == pytest.approx(1 / 3)
    assert [recall_at(ranking, "12", k) for k in (1, 2, 3)] == [0, 0, 1]
    assert ranked_products("12", "7") == ["12"]
    assert ranked_products(ranking, "7", "12") == ["1", "2"]


def test_limits_take_a_lone_format_for_one(shop: Shop) -> None:
    only = Limits(kinds=".png")
    assert only.kinds == (".png",)
    with pytest.raises(ImageError, match="save it as PNG"):
        decode(shop.photo(0), limits=only)


@pytest.mark.parametrize("wrong", [12, [12], np.array([12]), b"12", None, ["1", None]])
def test_an_id_that_is_no_text_is_refused_before_anything_is_removed(
    wrong: Any, gallery: Gallery
) -> None:
    for call in (gallery.products.known, gallery.products.pictures, gallery.delete):
        with pytest.raises(QueryError, match=r"the product id .* is of type .*; give ids as texts"):
            call(wrong)
    assert gallery.rows.count() == 3


def test_tables_and_texts_take_a_lone_name_for_one(tmp_path: Path) -> None:
    catalogue = catalogue_from([{"product_id": "12", "image": "/pictures/ab.jpg", "size": ""}])
    assert catalogue.rows["image"].to_pylist() == ["/pictures/ab.jpg"]
    assert catalogue.extra == ("size",)
    assert product_texts(catalogue.rows, "product_id") == {"12": "12"}
    with pytest.raises(TableError, match="has no column 'size'"):
        require_columns(tmp_path / "t.csv", "image", "size")
    index = TextIndex.fit("12", "velvet rouge")
    assert index.search("velvet", 3)[0][0] == "12"
    assert len(index.similar("12", 3)) == 1
    assert len(share([ReadLine("velvet", 1.0)], "velvet rouge")) == 1
    (tmp_path / "list.csv").write_text("n0000001,https://a/1.jpg,Rouge\n")
    assert [entry.product_id for entry in read_lists(tmp_path / "list.csv")] == ["n0000001"]
