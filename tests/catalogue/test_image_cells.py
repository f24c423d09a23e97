"""Cells of pictures: every way of joining them, and nothing torn apart that belongs together."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.catalogue.image_cells import (
    on_this_system,
    one_picture,
    picture_columns,
    pictures_in,
)
from beautylens.catalogue.picture_files import existing_pictures_in

WEB = "https://x.org/"


@pytest.mark.parametrize(
    "between", [";", "; ", ",", ", ", "|", " | ", "\n", "\r\n", "\t", ";\n", " ;"]
)
@pytest.mark.parametrize(
    "pair",
    [
        ("a.jpg", "b/c.png"), (f"{WEB}a.jpg", f"{WEB}b.jpg"), ("s3://x/a b.jpg", "gs://x/b"),
        (f"{WEB}a.jpg?v=1,2", f"{WEB}b?w=1;h=2"), (f"{WEB}w_9,h_9/a.jpg", f"{WEB}w_9;h_9/b.jpg"),
        ("Soap, 50 ml.jpg", "Oil, 10 ml.JPG"), (f"{WEB}my soap.jpg", "https://cdn.y.org/a"),
    ],
)  # fmt: skip
def test_two_pictures_are_told_apart_however_they_are_joined(
    pair: tuple[str, str], between: str
) -> None:
    assert pictures_in(between.join(pair)) == list(pair)
    assert pictures_in(f" {between.join(pair)}{between} ") == list(pair)


@pytest.mark.parametrize(
    ("cell", "pictures"),
    [
        (f"{WEB}a.jpg {WEB}b.jpg", [f"{WEB}a.jpg", f"{WEB}b.jpg"]),
        ("//cdn.x.org/a.jpg", ["https://cdn.x.org/a.jpg"]),
        ("//x.org/a.jpg,//x.org/b.jpg", [f"{WEB}a.jpg", f"{WEB}b.jpg"]),
        ("//server/share/a.jpg", ["//server/share/a.jpg"]),
        (f"{WEB}a?w=1&amp;h=2;{WEB}b?w=1&amp;h=2", [f"{WEB}a?w=1&h=2", f"{WEB}b?w=1&h=2"]),
        ("Ben&amp;Jerry.jpg", ["Ben&Jerry.jpg"]),
        (f"{WEB}a.jpg;v=1", [f"{WEB}a.jpg;v=1"]),
        (f"{WEB}a.jpg;b.jpg", [f"{WEB}a.jpg", "b.jpg"]),
        ("a;b", ["a", "b"]),
        ("a,b", ["a,b"]),
        ('["a.jpg", "b;c.jpg"]', ["a.jpg", "b;c.jpg"]),
        ("['a.jpg', 'b.jpg']", ["a.jpg", "b.jpg"]),
        ('[{"src": "a.jpg", "id": 7}, {"url": "b.jpg"}]', ["a.jpg", "b.jpg"]),
        ('{"@type": "ImageObject", "url": "a.jpg"}', ["a.jpg"]),
        ("('a.jpg', 'b.jpg')", ["a.jpg", "b.jpg"]),
        ("(1)", ["(1)"]),
        ("{a}.jpg", ["{a}.jpg"]),
        ("[a].jpg", ["[a].jpg"]),
        ('"a.jpg","b.jpg"', ["a.jpg", "b.jpg"]),
        ("\ufeffa.jpg\u200b", ["a.jpg"]),
        ("file:///shop/a%20b.jpg", ["/shop/a b.jpg"]),
        ("file://localhost/shop/a.jpg", ["/shop/a.jpg"]),
        ("FILE:///C:/shop/a.jpg", ["C:/shop/a.jpg"]),
        (r"C:\p\a.jpg;C:\p\b.jpg", [r"C:\p\a.jpg", r"C:\p\b.jpg"]),
        ("ftp://x.org/a.jpg", ["ftp://x.org/a.jpg"]),
        (" ; ", []),
        ("", []),
    ],
)
def test_a_cell_is_read_as_programs_write_it(cell: str, pictures: list[str]) -> None:
    assert pictures_in(cell) == pictures


@pytest.mark.parametrize(
    "spelling", ["p/a.jpg", "./p/a.jpg", "p//a.jpg", "./p/./a.jpg", " p/a.jpg"]
)
def test_spellings_of_one_path_are_one(spelling: str) -> None:
    assert pictures_in(spelling) == ["p/a.jpg"]
    assert one_picture(spelling) == "p/a.jpg"


def test_a_cell_of_one_picture_is_not_torn_apart() -> None:
    assert one_picture("a;b.jpg") == "a;b.jpg"
    assert one_picture('["a;b.jpg"]') == "a;b.jpg"
    assert one_picture("//x.org/a.jpg") == f"{WEB}a.jpg"


@given(st.text("ab.;,|/\\:\n&[]'\" ", max_size=20))
def test_no_picture_is_empty_or_has_spaces_around_it(cell: str) -> None:
    assert all(text and text == text.strip() for text in pictures_in(cell))


def test_columns_of_pictures_are_known_by_their_names() -> None:
    names = ["image_link", "image_2", "image", "Additional Image Link", "image_alt", "image3"]
    assert picture_columns(names) == ["image", "image_2", "Additional Image Link", "image3"]


def test_a_file_whose_name_has_a_backslash_is_that_file(tmp_path: Path) -> None:
    (tmp_path / r"a\b.jpg").touch()
    assert on_this_system(r"a\b.jpg", tmp_path) == r"a\b.jpg"
    assert on_this_system(r"a\c.jpg", tmp_path) == "a/c.jpg"


@pytest.mark.parametrize("between", [";", "; ", "|", ", ", "\n"])
def test_a_file_whose_name_has_a_separator_is_that_file(tmp_path: Path, between: str) -> None:
    for name in ("a;b.jpg", "c, d.jpg", "e.jpg"):
        (tmp_path / name).touch()
    for names in (["a;b.jpg"], ["e.jpg", "a;b.jpg", "c, d.jpg"], ["c, d.jpg", "e.jpg"]):
        assert existing_pictures_in(between.join(names), tmp_path) == names
        assert existing_pictures_in(between.join(names) + between, tmp_path) == names
    missing = f"a;b.jpg{between}gone.jpg"
    assert existing_pictures_in(missing, tmp_path) == pictures_in(missing)
    assert existing_pictures_in("e.jpg;" * 500, tmp_path) == ["e.jpg"] * 500


def test_each_of_several_files_is_one_picture_where_all_exist(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "a.jpg;b.jpg"):
        (tmp_path / name).touch()
    assert existing_pictures_in("a.jpg;b.jpg", tmp_path) == ["a.jpg", "b.jpg"]
