"""Filters: what they mean, by SQLite's own reading of them, and what is refused."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.errors import QueryError
from beautylens.store.conditions import Comparison, to_sql
from beautylens.store.filters import MAX_DEPTH, parse_filter
from beautylens.store.table import Table

COLUMNS = ["product_id", "name", "brand", "gtin", "shade", "größe", "Net Weight", "in"]
TEXTS = ("", "A", "b", "it's")
ROWS = list(product(TEXTS, repeat=3))


@pytest.fixture(scope="module")
def rows() -> Iterator[sqlite3.Connection]:
    """All rows of three columns, in SQLite, whose SQL has the filters' grammar in it."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute('CREATE TABLE rows ("name" TEXT, "brand" TEXT, "Net Weight" TEXT)')
        database.executemany("INSERT INTO rows VALUES (?, ?, ?)", ROWS)
        yield database


TEXT = st.sampled_from(TEXTS).map(lambda text: "'" + text.replace("'", "''") + "'")
COLUMN = st.sampled_from(["name", "brand", "BRAND", '"brand"', "`Net Weight`", '"net weight"'])
NOT = st.sampled_from(["", "NOT "])
SIGN = st.sampled_from(["=", "==", "<>", "!=", "<", "<=", ">", ">="])
COMPARISON = st.one_of(
    st.builds("{} {} {}".format, COLUMN, SIGN, TEXT),
    st.builds("{} {}BETWEEN {} AND {}".format, COLUMN, NOT, TEXT, TEXT),
    st.builds("{} {}IN ({}, {})".format, COLUMN, NOT, TEXT, TEXT),
    st.builds("{} {}in({})".format, COLUMN, NOT, TEXT),
    st.builds("{} IS {}NULL".format, COLUMN, NOT),
)
FILTER = st.recursive(
    COMPARISON,
    lambda part: st.one_of(
        st.builds("{} {} {}".format, part, st.sampled_from(["AND", "or", "OR"]), part),
        st.builds("NOT ({})".format, part),
        st.builds("NOT {}".format, part),
        st.builds("({})".format, part),
    ),
    max_leaves=6,
)


@settings(max_examples=200)
@given(where=FILTER)
def test_a_filter_keeps_its_meaning_when_it_is_written_anew(
    rows: sqlite3.Connection, where: str
) -> None:
    written = to_sql(parse_filter(where, COLUMNS))
    # An empty cell counts as none.
    where = re.sub(r'(`[^`]*`|"[^"]*"|\w+)(?= IS (?:NOT )?NULL)', r"NULLIF(\1, '')", where)
    wanted = rows.execute(f"SELECT * FROM rows WHERE {where}").fetchall()  # noqa: S608  (our own)
    assert rows.execute(f"SELECT * FROM rows WHERE {written}").fetchall() == wanted  # noqa: S608


@settings(max_examples=40)
@given(text=st.text("'\"\\\\%_[]{}$;#-/ éA1\n\t`()"))
def test_any_text_stays_one_text(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    condition = parse_filter(f"brand = {quoted}", COLUMNS)
    assert condition == Comparison("brand", "=", (text,))
    assert to_sql(condition) == f"`brand` = {quoted}"


@pytest.mark.parametrize(
    ("where", "column"),
    [
        ("Brand = 'x'", "brand"),
        ("GRÖSSE = 'x'", "größe"),
        ("größe = 'x'", "größe"),
        ("`net weight` = 'x'", "Net Weight"),
        ("\"in\" = 'x'", "in"),
    ],
)
def test_a_column_is_known_in_any_case(where: str, column: str) -> None:
    assert parse_filter(where, COLUMNS) == Comparison(column, "=", ("x",))


def test_of_columns_that_differ_by_case_the_exact_one_is_asked() -> None:
    assert parse_filter("Size = 'x'", ["size", "Size"]) == Comparison("Size", "=", ("x",))
    with pytest.raises(QueryError, match=r"unknown column 'SIZE'; write 'size' or 'Size'"):
        parse_filter("SIZE = 'x'", ["size", "Size"])


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "a column is missing at the end"),
        ("brand", "column 'brand' is not followed by a comparison"),
        ("brand = ", "a text in single quotes is missing at the end"),
        ("brand LIKE 5", "write '5'"),
        ("brand BETWEEN -1.5 AND '2'", "write '-1.5'"),
        ("brand IN ('a', 5)", "write '5'"),
        ('brand = "Dior"', "write 'Dior'"),
        ("brand = name", "write 'name'"),
        ("brand = \u201cDior\u201d", "straight single quotes, not \u201c"),
        ("brand = 'Dior", "a quote ' is not closed"),
        ("'Dior' = brand", "a column is expected in place of the text 'Dior'"),
        ("brnd = 'Dior'", "did you mean 'brand'"),
        ("price = '5'", "unknown column 'price'"),
        ("lower(brand) = 'dior'", "functions such as 'LOWER' are not supported"),
        ("images.brand = 'Dior'", "unexpected character '.'"),
        ("brand || 'x' = 'y'", "unexpected character '|'"),
        ("brand = 'A'; name = 'B'", "unexpected character ';'"),
        ("brand = 'A' -- x", "unexpected character '-'"),
        ("brand = 'A' name", "'name' is not expected there"),
        ("(brand = 'A'", "')' is missing at the end"),
        ("brand = 'A')", "')' is not expected there"),
        ("brand IN ()", "a text in single quotes is missing before ')'"),
        ("brand IN (SELECT brand FROM images)", "write 'SELECT'"),
        ("brand IS 'A'", "'NULL' is missing before"),
        ("brand BETWEEN 'a'", "'AND' is missing at the end"),
        ("brand BETWEEN SYMMETRIC 'b' AND 'a'", "write 'SYMMETRIC'"),
        ("brand LIKE 'a!%' ESCAPE '!'", "'ESCAPE' is not expected there"),
        ("brand NOT = 'a'", "column 'brand' is not followed by a comparison"),
        ("CASE WHEN brand = 'A' THEN TRUE END", "unknown column 'CASE'"),
        ("NOT", "a column is missing at the end"),
        ("TRUE", "unknown column 'TRUE'"),
        ("1 = 1", "a column is missing before '1'"),
        ("STRUCT(" * 60, "functions such as 'STRUCT' are not supported"),
        ("(" * 5000 + "brand = 'A'" + ")" * 5000, f"more than {MAX_DEPTH} deep"),
        ("NOT " * 5000 + "brand = 'A'", f"more than {MAX_DEPTH} deep"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_reason_and_the_columns(
    where: str, said: str
) -> None:
    with pytest.raises(QueryError) as refused:
        parse_filter(where, COLUMNS)
    sentence = str(refused.value)
    assert said in sentence
    assert "compare columns with texts or numbers by =" in sentence
    assert sentence.endswith(f"the columns are {', '.join(COLUMNS)}")


@pytest.mark.parametrize("where", ["price < '20'", "price BETWEEN 'a' AND '20'", "prix >= ' 20 '"])
def test_a_number_in_quotes_is_not_ordered_as_a_text(where: str) -> None:
    with pytest.raises(QueryError, match=r"has numbers, and in quotes .*: write +20 +without"):
        parse_filter(where, ["price", "prix"])
    assert parse_filter("shade < '20'", ["shade"]) == Comparison("shade", "<", ("20",))


@pytest.mark.parametrize(
    ("opening", "levels"),
    [("brand = 'x' OR brand = 'A' AND (", 1), ("NOT (brand = 'B' OR ", 2), ("NOT ", 1)],
)
def test_the_store_reads_filters_as_deep_as_they_may_be(
    tmp_path: Path, opening: str, levels: int
) -> None:
    table = Table.create(str(tmp_path / "rows.lance"), pa.table({"brand": ["A", "B"]}))
    times = MAX_DEPTH // levels
    where = opening * times + "brand = 'A'" + ")" * (times if "(" in opening else 0)
    written = to_sql(parse_filter(where, ["brand"]))
    found = table.select(where=f"({written}) AND brand IN ('A')").to_pylist()
    assert [row["brand"] for row in found] == ["A"]


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("price < 20", ["12.9", "9", "-1"]),
        ("price >= +9. AND price <> 100", ["12.9", "9"]),
        ("price BETWEEN -1.5 AND 10", ["9", "-1"]),
        ("price NOT BETWEEN -1.5 AND 10", ["12.9", "100"]),
        ("price IN (9, 100.0)", ["9", "100"]),
        ("NOT price < 20", ["100"]),
        ("price = '9'", ["9"]),
        ("price IS NULL", [""]),
        ("price IS NOT NULL AND price > 10", ["12.9", "100"]),
    ],
)
def test_a_number_is_compared_as_a_number_and_a_text_as_a_text(
    tmp_path: Path, where: str, kept: list[str]
) -> None:
    prices = pa.table({"price": ["12.9", "", "9", "soon", "100", "-1"]})
    table = Table.create(str(tmp_path / "rows.lance"), prices)
    rows = table.select(["price"], to_sql(parse_filter(where, ["price"])))
    assert sorted(rows["price"].to_pylist()) == sorted(kept)
