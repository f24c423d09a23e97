"""Conditions on the catalogue's columns in the words of Milvus; no server is asked."""

from __future__ import annotations

import ast
import json
import operator
import re
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.errors import QueryError
from beautylens.store.milvus.filter import milvus_filter

COLUMNS = ["product_id", "name", "brand", "gtin", "shade", "größe"]


def translated(where: str) -> str:
    return milvus_filter(where, COLUMNS)


@pytest.mark.parametrize(
    ("where", "expression"),
    [
        ("brand = 'Dior'", 'brand == "Dior"'),
        ("brand <> 'Dior'", 'brand != "Dior"'),
        ("brand != 'Dior'", 'brand != "Dior"'),
        ("gtin < '4'", 'gtin < "4"'),
        ("gtin >= '4'", 'gtin >= "4"'),
        ("shade = '475'", '$meta["shade"] == "475"'),
        ("größe = '50 ml'", '$meta["größe"] == "50 ml"'),
        ("name LIKE '%rouge%'", 'name like "%rouge%"'),
        ("name NOT LIKE 'rouge%'", 'not (name like "rouge%")'),
        ("brand IN ('A', 'B')", '(brand == "A" or brand == "B")'),
        ("brand NOT IN ('A', 'B')", 'not ((brand == "A" or brand == "B"))'),
        ("gtin BETWEEN '1' AND '2'", '(gtin >= "1" and gtin <= "2")'),
        ("gtin NOT BETWEEN '1' AND '2'", 'not ((gtin >= "1" and gtin <= "2"))'),
        (
            "brand = 'A' OR name = 'B' AND NOT shade = 'C'",
            '(brand == "A" or (name == "B" and not ($meta["shade"] == "C")))',
        ),
        (
            "(brand = 'A' OR name = 'B') AND gtin = 'C'",
            '((brand == "A" or name == "B") and gtin == "C")',
        ),
    ],
)
def test_a_condition_is_written_as_milvus_has_it(where: str, expression: str) -> None:
    assert translated(where) == expression


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("L''Oréal", "L'Oréal"),
        ('a"b', 'a"b'),
        ("back\\slash", "back\\slash"),
        ("\\", "\\"),
        ("100 %", "100 %"),
        ("two\nlines", "two\nlines"),
        ('" or 1 == 1 or brand == "', '" or 1 == 1 or brand == "'),
    ],
)
def test_a_value_is_the_same_text_whatever_stands_in_it(sql: str, text: str) -> None:
    written = translated(f"brand = '{sql}'")
    column, value = written.split(" == ", 1)
    assert (column, json.loads(value)) == ("brand", text)


@settings(max_examples=40)
@given(st.text("'\"\\%_[]{}$;#-/ éA1\n\t"))
def test_any_text_stays_one_literal(text: str) -> None:
    quoted = text.replace("'", "''")
    written = translated(f"name = '{quoted}'")
    assert json.loads(written.removeprefix("name == ")) == text


@pytest.mark.parametrize("where", ["lower(brand) = 'a'", "brand =", "brand = 'A'; name = 'B'", ""])
def test_what_is_no_filter_is_not_put_down_to_milvus(where: str) -> None:
    with pytest.raises(QueryError, match=r"invalid filter.*compare columns"):
        translated(where)


@pytest.mark.parametrize(
    "where", ["brand ILIKE 'dior'", "brand IS NULL", "brand IS NOT NULL", "brand LIKE '50\\%'"]
)
def test_what_only_milvus_cannot_do_is_put_down_to_it(where: str) -> None:
    with pytest.raises(QueryError, match=r"Milvus does not support.*the columns are"):
        translated(where)


ROWS = [
    {"brand": brand, "name": name, "shade": shade}
    for brand, name, shade in product(("A", "B", ""), ("x", "y"), ("1", "2"))
]
COMPARISONS: dict[str, Callable[[dict[str, str]], bool]] = {
    "brand = 'A'": lambda row: row["brand"] == "A",
    "name <> 'x'": lambda row: row["name"] != "x",
    "shade IN ('1', '3')": lambda row: row["shade"] in ("1", "3"),
    "shade NOT IN ('1')": lambda row: row["shade"] != "1",
    "brand BETWEEN 'A' AND 'Az'": lambda row: "A" <= row["brand"] <= "Az",
}
JOINTS = {"AND": operator.and_, "OR": operator.or_}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(list(COMPARISONS)), st.booleans()), min_size=3, max_size=3),
    st.lists(st.sampled_from(list(JOINTS)), min_size=2, max_size=2),
)
def test_a_joined_condition_is_met_by_the_same_rows(
    parts: list[tuple[str, bool]], joints: list[str]
) -> None:
    """The expression, close to Python's own, is weighed by Python; SQL by the rules above."""
    (one, two, three) = [f"{'NOT ' if negated else ''}{sql}" for sql, negated in parts]
    # AND binds before OR: brackets make the order plain for the loop below.
    expression = translated(f"({one} {joints[0]} {two}) {joints[1]} {three}")
    readable = ast.parse(re.sub(r"\$meta\[\"(\w+)\"\]", r"\1", expression), mode="eval")
    for row in ROWS:
        met = [COMPARISONS[sql](row) != negated for sql, negated in parts]
        wanted = JOINTS[joints[1]](JOINTS[joints[0]](met[0], met[1]), met[2])
        assert eval(compile(readable, "expression", "eval"), {}, dict(row)) is wanted  # noqa: S307  (our own)
