"""The text of catalogue pictures beside the rows of a gallery."""

from __future__ import annotations

from pathlib import Path

import pytest

from beautylens.store.picture_text import SCHEMA, PictureLines, PictureText
from beautylens.store.table import Table, table_address
from beautylens.text.ocr import Line


def line(text: str) -> Line:
    return Line(text, 0.9, ((1.0, 2.0), (11.0, 2.0), (11.0, 6.5), (1.0, 6.5)))


@pytest.fixture
def texts(tmp_path: Path) -> PictureText:
    address = str(tmp_path)
    return PictureText(Table.ensure(table_address(address, "lines"), SCHEMA), address)


def test_before_anything_is_read_there_is_no_text(texts: PictureText) -> None:
    assert texts.read(["a"]) == texts.of_products(["p"]) == texts.digests() == {}
    assert texts.count() == 0
    texts.delete(["p"])
    texts.put([])
    assert texts.count() == 0


def test_lines_come_back_with_their_corners(texts: PictureText) -> None:
    texts.put([PictureLines("a", "p", "1", (line('Crème "30"'), line("50 ml")))])
    assert texts.read(["a", "b"]) == {"a": (line('Crème "30"'), line("50 ml"))}
    assert texts.digests() == {"a": "1"}


def test_a_picture_read_again_replaces_what_was_read(texts: PictureText) -> None:
    texts.put([PictureLines("a", "p", "1", (line("old"),)), PictureLines("b", "p", "1", ())])
    texts.put([PictureLines("a", "p", "2", (line("new"),))])
    assert texts.read(["a", "b"]) == {"a": (line("new"),), "b": ()}
    assert texts.digests() == {"a": "2", "b": "1"}


def test_the_text_of_a_product_is_that_of_all_its_pictures(texts: PictureText) -> None:
    texts.put([PictureLines("b", "p", "1", (line("back"),))])
    texts.put([PictureLines("a", "p", "1", (line("front"),)), PictureLines("c", "q", "1", ())])
    assert texts.of_products(["p"]) == {"p": (line("front"), line("back"))}


def test_removed_products_and_pictures_leave_no_text(texts: PictureText) -> None:
    texts.put([PictureLines(name, f"p{name}", "1", (line(name),)) for name in "abc'"])
    texts.delete(["pa"])
    texts.delete_images(["'"])
    assert set(texts.digests()) == {"b", "c"}


def test_lines_of_a_changed_file_are_removed(texts: PictureText) -> None:
    texts.put([PictureLines(name, "p", "1", (line(name),)) for name in "ab"])
    texts.delete_changed({"a": "2", "b": "1", "c": "1"})
    assert set(texts.digests()) == {"b"}


def test_compact_text_is_the_same(texts: PictureText) -> None:
    for name in "abc":
        texts.put([PictureLines(name, "p", "1", (line(name),))])
    texts.compact()
    assert texts.read(["a", "b", "c"]) == {name: (line(name),) for name in "abc"}


def test_text_is_written_to_the_table_of_an_earlier_version(tmp_path: Path) -> None:
    earlier = SCHEMA.remove(SCHEMA.get_field_index("words"))
    texts = PictureText(Table.ensure(table_address(str(tmp_path), "lines"), earlier), str(tmp_path))
    texts.put([PictureLines("a", "p", "1", (line("Rouge"),))])
    texts.compact()
    assert texts.read(["a"]) == {"a": (line("Rouge"),)}
    assert not texts.words.exists()
