"""A query: what the photo says, and what is read on it once and when a step asks."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from beautylens.query import Photo, Query
from beautylens.sample.barcode import draw_barcode
from beautylens.text.ocr import Line

LINE = Line("VELVET", 0.9, ((0, 0), (9, 0), (9, 3), (0, 3)))
UNIT = np.array([1, 0], np.float32)


class Reader:
    """Reads the same line on every picture, and keeps the pictures."""

    def __init__(self) -> None:
        self.pictures: list[np.ndarray] = []

    def __call__(self, picture: np.ndarray) -> tuple[Line, ...]:
        self.pictures.append(picture)
        return (LINE,)


def test_words_are_read_when_they_are_asked_for_and_once() -> None:
    reader, pixels = Reader(), np.zeros((8, 8, 3), np.uint8)
    query = Query(Photo(pixels), UNIT, reader=lambda: reader)
    assert reader.pictures == []
    assert query.lines == query.lines == (LINE,)
    assert len(reader.pictures) == 1
    assert reader.pictures[0] is pixels


def test_no_reader_is_made_for_a_photo_that_is_not_read() -> None:
    def refuse() -> Reader:
        raise AssertionError("a reader was asked for")

    query = Query(Photo(np.zeros((8, 8, 3), np.uint8)), UNIT, reader=refuse)
    assert query.codes == ()
    with pytest.raises(AssertionError, match="asked for"):
        _ = query.lines


def test_codes_are_those_on_the_photo_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Query(Photo(draw_barcode("4006381333931", 3, 150)), UNIT)
    assert query.codes == ("04006381333931",)
    monkeypatch.setattr("beautylens.query.read_codes", lambda _: ())
    assert query.codes == ("04006381333931",)


def test_a_query_passes_on_what_the_user_asked_beside_the_photo() -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    query = Query(Photo(pixels, "brand = 'Dior'", "rouge 475"), UNIT)
    assert query.pixels is pixels
    assert (query.where, query.words) == ("brand = 'Dior'", "rouge 475")


def test_no_step_can_change_a_query() -> None:
    query = Query(Photo(np.zeros((8, 8, 3), np.uint8)), UNIT)
    for name in ("descriptor", "keypoints", "vlad", "limit"):
        with pytest.raises(FrozenInstanceError):
            setattr(query, name, None)
