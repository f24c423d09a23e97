"""Shades: what lights change little, what a shade changes much, and what cannot be compared."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beautylens.features.colour.alignment import (
    Aligned,
    cell_means,
    homogeneous,
    refine_alignment,
    warp,
)
from beautylens.features.colour.cielab import ciede2000, lab, linear
from beautylens.features.colour.difference import compare_colours
from beautylens.features.colour.illumination import relight

WINE, CORAL = (122, 40, 60), (190, 90, 78)
gains = st.floats(-0.2, 0.2)


def pack(colour: tuple[int, int, int]) -> np.ndarray:
    """A printed box, 200 x 120: a third of it shows the shade, the rest is the same in all."""
    rng = np.random.default_rng(1)
    picture = cv2.resize(rng.integers(40, 200, (10, 6, 3)).astype(np.uint8), (120, 200))
    picture[20:90, 20:100] = colour
    return picture


def whole(picture: np.ndarray) -> Aligned:
    return Aligned(picture, np.ones(picture.shape[:2], bool))


def lit(picture: np.ndarray, exposure: float, warmth: float, gamma: float = 0.0) -> np.ndarray:
    """The picture under another lamp, by another camera."""
    gain = np.exp(exposure + np.array([warmth, 0, -warmth]))
    light = linear(picture) ** np.exp(gamma) * gain
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.clip(np.rint(encoded * 255), 0, 255).astype(np.uint8)


@given(gains, gains, st.floats(-0.15, 0.15))
def test_the_right_shade_is_nearest_under_any_lamp(
    exposure: float, warmth: float, gamma: float
) -> None:
    pictures = [whole(pack(WINE)), whole(pack(CORAL))]
    for right, colour in enumerate((WINE, CORAL)):
        shades = compare_colours(whole(lit(pack(colour), exposure, warmth, gamma)), pictures)
        assert shades is not None
        assert shades.differences.argmin() == right
        assert shades.differences[right] < 3


@given(gains)
def test_a_gain_of_the_photo_changes_differences_little(exposure: float) -> None:
    pictures = [whole(pack(WINE)), whole(pack(CORAL))]
    plain = compare_colours(whole(pack(WINE)), pictures)
    bright = compare_colours(whole(lit(pack(WINE), exposure, 0)), pictures)
    assert plain is not None
    assert bright is not None
    np.testing.assert_allclose(bright.differences, plain.differences, atol=2.5)


def test_a_finger_or_glare_does_not_turn_the_decision() -> None:
    photo = lit(pack(WINE), 0.1, 0.1)
    photo[120:, :70] = (190, 140, 115)
    cv2.circle(photo, (60, 50), 14, (255, 255, 255), -1)
    shades = compare_colours(whole(photo), [whole(pack(CORAL)), whole(pack(WINE))])
    assert shades is not None
    assert shades.differences.argmin() == 1


def test_even_colour_tells_more_than_print_of_the_same_difference() -> None:
    striped = [pack(WINE), pack(CORAL)]
    for picture in striped:
        picture[60:90:4, 20:100] = picture[61:90:4, 20:100] = 20
    shades = compare_colours(whole(striped[0]), [whole(each) for each in striped])
    assert shades is not None
    rows = shades.cells[:, 0]
    inside = (shades.cells[:, 1] >= 3) & (shades.cells[:, 1] <= 11)
    even, printed = inside & (rows >= 3) & (rows <= 6), inside & (rows >= 8) & (rows <= 10)
    assert shades.weights[even].min() > 2 * shades.weights[printed].max()


def test_pictures_that_are_the_same_have_nothing_to_tell() -> None:
    shades = compare_colours(whole(pack(WINE)), [whole(pack(WINE)), whole(pack(WINE))])
    assert shades is not None
    assert np.isnan(shades.differences).all()


def test_what_covers_too_little_in_common_cannot_be_compared() -> None:
    nowhere = Aligned(pack(WINE), np.zeros((200, 120), bool))
    assert compare_colours(nowhere, [whole(pack(WINE)), whole(pack(CORAL))]) is None
    burnt = np.full((200, 120, 3), 255, np.uint8)
    assert compare_colours(whole(burnt), [whole(pack(WINE)), whole(pack(CORAL))]) is None


def test_relighting_undoes_a_lamp_that_is_likely() -> None:
    rng = np.random.default_rng(3)
    studio = rng.uniform(0.05, 0.6, (80, 3))
    places = rng.uniform(-1, 1, (80, 2))
    photo = studio * np.exp([0.3, 0.2, 0.1]) * np.exp(0.1 * places[:, :1])
    found = relight(photo, studio, places, np.ones(80))
    assert ciede2000(lab(found.colours), lab(studio)).max() < 2
    np.testing.assert_allclose(found.parameters[[0, 1, 4, 5]], [0.2, 0.1, 0.1, 0], atol=0.06)


def test_no_lamp_makes_red_of_blue() -> None:
    blue, red = np.tile([[0.05, 0.1, 0.5]], (40, 1)), np.tile([[0.5, 0.05, 0.05]], (40, 1))
    found = relight(blue, red, np.zeros((40, 2)), np.ones(40))
    assert ciede2000(lab(found.colours), lab(red)).min() > 20


def test_cell_means_are_those_of_slow_loops() -> None:
    rng = np.random.default_rng(5)
    picture, flags = rng.random((19, 26, 3)).astype(np.float32), rng.random((19, 26)) < 0.6
    means, shares = cell_means(picture, flags, 8)
    assert shares.shape == (2, 3)
    for row, column in np.ndindex(2, 3):
        part = np.s_[8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        np.testing.assert_allclose(shares[row, column], flags[part].mean(), atol=1e-6)
        np.testing.assert_allclose(
            means[row, column], picture[part][flags[part]].mean(axis=0), atol=1e-5
        )


def test_a_laid_picture_falls_where_its_transform_says() -> None:
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[10:30, 20:40] = 200
    move = np.array([[0.5, 0, 5], [0, 0.5, 0], [0, 0, 1.0]])
    laid = warp(picture, np.full((60, 80), 255, np.uint8), move, (60, 40))
    assert laid.pixels[10, 20].tolist() == [200] * 3
    assert laid.pixels[10, 30].tolist() == [0] * 3
    assert laid.covers[15, 20]
    assert not laid.covers[15, 58]


def test_settling_takes_back_a_small_misplacement() -> None:
    reference = pack(WINE)
    moved = np.roll(reference, 3, axis=1)
    settled = refine_alignment(whole(moved), reference)
    before = np.abs(moved[30:80, 30:90].astype(int) - reference[30:80, 30:90]).mean()
    after = np.abs(settled.pixels[30:80, 30:90].astype(int) - reference[30:80, 30:90]).mean()
    assert after <= before


@pytest.mark.parametrize(
    "transform",
    [
        np.zeros((2, 3)),
        np.array([[1, 1, 0], [1, 1, 0.0]]),
        np.full((2, 3), np.nan),
        np.zeros((3, 3)),
        np.full((3, 3), np.inf),
    ],
)
def test_a_degenerate_transform_is_none(transform: np.ndarray) -> None:
    assert homogeneous(transform) is None
