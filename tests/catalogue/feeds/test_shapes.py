"""One catalogue in the shape of any export is read as the same catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.catalogue.gtin import is_valid
from beautylens.catalogue.sources import Table, catalogue_from
from tests.catalogue.feeds.shapes import SHAPES, Product

FIELDS = ("name", "brand", "category", "gtin")
texts = (
    st.text("abcÀé 1,;|&<'/", min_size=1, max_size=10)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and text[0] not in ",;|&<'/")
)


def gtin_of(number: int) -> str:
    body = f"400{number:09}"
    return next(f"{body}{digit}" for digit in range(10) if is_valid(f"0{body}{digit}"))


@st.composite
def catalogues(draw: st.DrawFn) -> list[Product]:
    return [
        Product(
            f"sku-{number}",
            draw(texts),
            draw(texts),
            draw(texts),
            gtin_of(draw(st.integers(0, 999_999_999))),
            tuple(
                f"https://cdn.shop.example/{number}/{picture}.jpg?v=1&w=2"
                for picture in range(draw(st.integers(1, 3)))
            ),
        )
        for number in range(draw(st.integers(1, 4)))
    ]


def read(table: Table) -> list[tuple[object, ...]]:
    """For each product its id, pictures and fields."""
    rows = catalogue_from(table).rows.to_pylist()
    return [
        (
            product,
            [row["image"] for row in rows if row["product_id"] == product],
            *({row[name] for row in rows if row["product_id"] == product} for name in FIELDS),
        )
        for product in dict.fromkeys(row["product_id"] for row in rows)
    ]


def as_they_are(products: Sequence[Product]) -> list[tuple[object, ...]]:
    return [
        (product.sku, list(product.pictures), *({getattr(product, name)} for name in FIELDS))
        for product in products
    ]


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=25)
@given(products=catalogues())
def test_every_shape_of_a_catalogue_gives_the_same_products(
    shape: str, products: list[Product]
) -> None:
    if shape == "excel":
        pytest.importorskip("python_calamine")
    with TemporaryDirectory() as folder:
        path = SHAPES[shape](Path(folder) / "table.csv", products)
        assert read(path) == as_they_are(products)
        catalogue = catalogue_from(path)
        assert "price" not in catalogue.extra or set(catalogue.rows["price"].to_pylist()) == {
            "12.9"
        }


@settings(max_examples=25)
@given(products=catalogues())
def test_rows_in_memory_give_the_same_products(products: list[Product]) -> None:
    rows = [product.own | {"image": list(product.pictures)} for product in products]
    assert read(rows) == as_they_are(products)
    assert read(pa.Table.from_pylist(rows)) == as_they_are(products)
    pandas = pytest.importorskip("pandas")
    assert read(pandas.DataFrame(rows)) == as_they_are(products)
