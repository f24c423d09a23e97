"""Texts of others in one normal form, and without what steers a terminal."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.inputs.unicode_text import composed, on_one_line, printable

texts = st.text(st.characters(codec=None))


@given(text=texts)
def test_a_composed_text_is_its_nfc(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\x07\x08\x7f\0", r"a\rb\x07\x08\x7f\x00"),
        ("gpj.\u202eexe\u2066", r"gpj.\u202eexe\u2066"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        (os.fsdecode(b"a\xff.jpg"), r"a\xff.jpg"),
        ("\ud800", r"\ud800"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        # Letters, marks and joiners that scripts need stay.
        ("Crème שמן\u200f ครีม 👩\u200d🔬", "Crème שמן\u200f ครีม 👩\u200d🔬"),
    ],
)
def test_what_steers_a_terminal_is_written_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(text=texts)
def test_any_text_can_be_written_and_is_one_line(text: str) -> None:
    line = on_one_line(text)
    assert len(line.splitlines()) <= 1
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in line)
    line.encode()
    assert on_one_line(line) == line
