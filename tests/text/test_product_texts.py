from __future__ import annotations

import pyarrow as pa
import pytest

from beautylens.errors import TableError
from beautylens.text.product_texts import product_texts


def rows(*values: tuple[str, str, str, str]) -> pa.Table:
    names = ("product_id", "brand", "name", "shade")
    return pa.table(dict(zip(names, map(list, zip(*values, strict=True)), strict=True)))


def test_a_product_has_one_text_of_brand_and_name_however_many_pictures() -> None:
    table = rows(("a", "Dior", "Rouge 999", "red"), ("a", "Dior", "Rouge 999", "red"))
    assert product_texts(table) == {"a": "Dior Rouge 999"}


def test_a_brand_that_the_name_holds_already_does_not_count_twice() -> None:
    table = rows(("a", "L'ORÉAL", "L'Oreal Age Perfect", ""), ("b", "Nars", "nars", ""))
    assert product_texts(table) == {"a": "L'Oreal Age Perfect", "b": "Nars"}


def test_chosen_columns_come_in_their_order_and_differing_rows_all_speak() -> None:
    table = rows(("a", "Dior", "Rouge", "999"), ("a", "Dior", "Rouge", "475"), ("b", "", "", "1"))
    texts = product_texts(table, ("name", "shade"))
    assert texts == {"a": "Rouge 999 475", "b": "1"}
    assert product_texts(table, ()) == {"a": "", "b": ""}


def test_an_unknown_column_is_named_beside_the_known_ones() -> None:
    with pytest.raises(TableError, match=r"'colour' .* are product_id, brand, name, shade"):
        product_texts(rows(("a", "", "", "")), ("name", "colour"))
