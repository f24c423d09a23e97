"""Pictures are padded, shrunk and cropped without being distorted or lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.errors import QueryError
from beautylens.images.fit import Box, centre, crop, is_blank, shrink, white_pad
from tests.images.pictures import Pixels, distance, smooth

sides = st.integers(1, 90)


def filled(height: int, width: int, level: int = 60) -> Pixels:
    return np.full((height, width, 3), level, np.uint8)


def numbered(height: int, width: int) -> Pixels:
    """A picture in which each pixel tells its row and its column."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows, columns, rows * 0]).astype(np.uint8)


@settings(max_examples=60, deadline=None)
@given(height=sides, width=sides, side=st.integers(1, 64))
def test_the_padded_square_holds_the_whole_picture_in_its_middle(
    height: int, width: int, side: int
) -> None:
    square = white_pad(filled(height, width), side)
    assert square.shape == (side, side, 3)
    assert square.dtype == np.uint8
    rows, columns = np.nonzero((square == 60).all(axis=2))
    assert ((square == 60) | (square == 255)).all()
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == side
    for length, places in ((height, rows), (width, columns)):
        expected = max(1, side * length / max(height, width))
        assert abs(np.ptp(places) + 1 - expected) <= 0.5
        before, after = places.min(), side - 1 - places.max()
        assert 0 <= after - before <= 1


def test_shrinking_averages_areas() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    small = white_pad(picture, 16)
    for row in range(16):
        for column in range(16):
            area = picture[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert np.abs(small[row, column] - area.mean(axis=(0, 1))).max() <= 0.5


def test_enlarging_is_smooth_and_returns_to_the_same_picture() -> None:
    picture = smooth(40, 40)
    large = white_pad(picture, 160)
    assert np.abs(np.diff(large.astype(int), axis=1)).max() < 12
    assert distance(shrink(large, 40)[0], picture) < 2


@pytest.mark.parametrize(("height", "width"), [(1, 10000), (10000, 1), (1, 1), (3, 50000)])
def test_a_picture_of_extreme_shape_keeps_at_least_one_pixel(height: int, width: int) -> None:
    assert white_pad(filled(height, width), 224).shape == (224, 224, 3)
    small, scale = shrink(filled(height, width), 512)
    assert min(small.shape) >= 1
    assert max(small.shape[:2]) == min(512, max(height, width))
    assert scale == min(1, 512 / max(height, width))


@settings(max_examples=60, deadline=None)
@given(height=sides, width=sides, longest=st.integers(1, 120))
def test_shrink_never_enlarges_and_tells_its_scale(height: int, width: int, longest: int) -> None:
    picture = filled(height, width)
    small, scale = shrink(picture, longest)
    assert max(small.shape[:2]) == min(longest, max(height, width))
    if longest >= max(height, width):
        assert small is picture
        assert scale == 1
    for before, after in zip((height, width), small.shape[:2], strict=True):
        assert abs(after - max(1, before * scale)) <= 0.5


coordinates = st.integers(-40, 60)


@settings(max_examples=100, deadline=None)
@given(coordinates, coordinates, st.integers(1, 60), st.integers(1, 60))
def test_a_crop_is_the_pixels_that_lie_in_both_box_and_picture(
    x: int, y: int, width: int, height: int
) -> None:
    picture = numbered(20, 30)
    inside = {
        (row, column)
        for row in range(20)
        for column in range(30)
        if y <= row < y + height and x <= column < x + width
    }
    box = Box(x, y, width, height)
    if not inside:
        with pytest.raises(QueryError, match="outside the picture of 30 x 20 pixels"):
            crop(picture, box)
        return
    rows, columns = ({place[axis] for place in inside} for axis in (0, 1))
    if min(len(rows), len(columns)) < 8:
        left = f"covers {len(columns)} x {len(rows)} pixels"
        with pytest.raises(QueryError, match=left):
            crop(picture, box)
        return
    part = crop(picture, box)
    assert part.flags.c_contiguous
    assert {(int(row), int(column)) for row, column, _ in part.reshape(-1, 3)} == inside
    assert part[0, 0, :2].tolist() == list(min(inside))


def test_a_crop_does_not_keep_the_whole_picture_alive() -> None:
    assert crop(numbered(20, 30), Box(5, 5, 9, 8)).base is None


@given(st.integers(), st.integers(), st.integers(1), st.integers(1))
def test_a_box_is_read_as_it_is_written(x: int, y: int, width: int, height: int) -> None:
    assert Box.parse(f"{x},{y},{width},{height}") == Box(x, y, width, height)
    assert Box.parse(f" {x}, {y}, {width}, {height} ") == Box(x, y, width, height)


def test_a_box_is_scaled_with_its_picture_and_never_vanishes() -> None:
    assert Box(100, 41, 300, 200).scaled(1 / 4) == Box(25, 10, 75, 50)
    assert Box(8, 8, 2, 2).scaled(1 / 8) == Box(1, 1, 1, 1)
    assert Box(3, 4, 5, 6).scaled(1.0) == Box(3, 4, 5, 6)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "1;2;3;4"])
def test_a_malformed_box_is_refused_with_the_form_to_write(text: str) -> None:
    with pytest.raises(QueryError, match="write it as x,y,w,h in pixels"):
        Box.parse(text)


@pytest.mark.parametrize("text", ["0,0,0,5", "0,0,5,0", "9,9,-1,4"])
def test_an_empty_box_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="is empty"):
        Box.parse(text)


def test_the_centre_has_equal_margins() -> None:
    middle = centre(numbered(100, 60), 0.8)
    assert middle.shape == (80, 48, 3)
    assert middle[0, 0, :2].tolist() == [10, 6]
    np.testing.assert_array_equal(centre(numbered(9, 9), 1.0), numbered(9, 9))
    assert centre(numbered(1, 1), 0.1).shape == (1, 1, 3)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_colour_is_blank_also_with_noise(level: int) -> None:
    noise = np.random.default_rng(0).normal(0, 6, (300, 200, 3))
    assert is_blank(np.clip(level + noise, 0, 255).astype(np.uint8))


def test_a_small_or_faint_thing_on_a_wall_is_not_blank() -> None:
    wall = np.full((300, 200, 3), 240, np.uint8)
    wall[140:170, 90:110] = 200
    assert not is_blank(wall)
    shaded = np.linspace(100, 115, 300).astype(np.uint8)
    assert not is_blank(np.repeat(np.repeat(shaded[:, None, None], 200, axis=1), 3, axis=2))
