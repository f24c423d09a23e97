"""Names of files made of ids and titles, which any system takes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.catalogue.sharded_folder import ShardedFolder
from beautylens.files.names import LONGEST, file_name, readable_name

texts = st.text(st.characters(codec=None), max_size=300)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p00", "p00"),
        ("Crème 30 ml", "Crème_30_ml"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "__"),
        (".hidden", "_hidden"),
        ("", "_"),
        ("CON", "CON_"),
        ("nul.tar.gz", "nul_.tar.gz"),
        ("console", "console"),
        ("x" * 269, "x" * LONGEST),
        ("\udcff\0", "__"),
    ],
)
def test_a_name_is_as_near_to_its_text_as_systems_allow(text: str, name: str) -> None:
    assert readable_name(text) == name


@given(text=texts)
def test_any_text_gives_the_name_of_one_file(text: str) -> None:
    for name in (readable_name(text), file_name(text)):
        assert 0 < len(name.encode()) <= 2 * LONGEST
        assert Path(name).name == name
        assert not name.startswith(".")
        assert not name.endswith((".", " "))


@given(one=texts, other=texts)
def test_different_texts_never_share_a_file_name(one: str, other: str) -> None:
    assert one == other or file_name(one).lower() != file_name(other).lower()


@pytest.mark.parametrize(
    "pair", [("a1", "A1"), ("a/b", "a_b"), ("con", "con_"), ("x" * 269, "x" * 270), ("é", "É")]
)
def test_texts_that_a_system_may_take_for_one_get_two_names(pair: tuple[str, str]) -> None:
    one, other = map(file_name, pair)
    assert one.lower() != other.lower()


@pytest.mark.parametrize("picture_id", ["x" * 269, "a/../b", "CON", "n0000001", "é.1"])
def test_pictures_are_kept_under_any_id(tmp_path: Path, picture_id: str) -> None:
    part = ShardedFolder(tmp_path).part(picture_id)
    part.write_bytes(b"\xff\xd8\xff")
    part.replace(part.with_suffix(".jpg"))
    found = ShardedFolder(tmp_path).find(picture_id)
    assert found is not None
    assert found.parent.parent == tmp_path
