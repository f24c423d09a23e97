"""Cutting items out of white ground: what belongs to the item, and what is left behind."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from beautylens.images.cutout import cut_out


def studio_item() -> NDArray[np.uint8]:
    """Return a red slab, 60 wide and 100 high, at (50, 30) on white."""
    picture = np.full((160, 160, 3), 255, np.uint8)
    picture[30:130, 50:110] = (180, 30, 40)
    return picture


def test_the_item_is_cut_out_where_it_lies() -> None:
    item, cover = cut_out(studio_item())
    assert item.shape == (100, 60, 3)
    assert (item == (180, 30, 40)).all()
    expected = np.zeros((102, 62), np.uint8)
    expected[2:-2, 2:-2] = 255  # one pixel of rim is given up against a white fringe
    np.testing.assert_array_equal(cover, expected[1:-1, 1:-1])


def test_white_inside_the_item_belongs_to_the_item() -> None:
    picture = studio_item()
    picture[60:100, 65:95] = 255
    _, cover = cut_out(picture)
    assert (cover[30:70, 15:45] == 255).all()


def test_a_pinhole_in_the_outline_lets_no_ground_in() -> None:
    picture = studio_item()
    picture[60:100, 65:95] = 255
    picture[100:130, 80] = 255
    _, cover = cut_out(picture)
    assert (cover[35:65, 20:40] == 255).all()


def test_a_soft_shadow_on_the_ground_is_not_cut_out_with_the_item() -> None:
    bare = studio_item()
    darkness = cv2.GaussianBlur((bare[..., 1] < 99).astype(np.float32), (0, 0), 14)[..., None]
    shadow = (255 - 60 * darkness).astype(np.uint8)
    item, _ = cut_out(np.where(bare == 255, shadow, bare).astype(np.uint8))
    assert item.shape[0] <= 104
    assert item.shape[1] <= 64


PLAIN = {
    "black": np.zeros((40, 30, 3), np.uint8),
    "grey": np.full((40, 30, 3), 128, np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8),
    "one pixel": np.full((1, 1, 3), 255, np.uint8),
    "one row": np.full((1, 50, 3), 90, np.uint8),
    "white": np.full((40, 30, 3), 255, np.uint8),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_without_a_white_ground_the_whole_picture_is_the_item(kind: str) -> None:
    picture = PLAIN[kind]
    item, cover = cut_out(picture)
    np.testing.assert_array_equal(item, picture)
    assert (cover == 255).all()


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_thin_frame_around_the_picture_is_not_the_item(width: int) -> None:
    picture = studio_item()
    frame = np.ones(picture.shape[:2], bool)
    frame[width:-width, width:-width] = False
    picture[frame] = 190
    item, _ = cut_out(picture)
    assert item.shape == (100, 60, 3)
    assert (item == (180, 30, 40)).all()


def test_the_scraps_of_an_item_as_white_as_the_ground_are_joined_by_their_hull() -> None:
    picture = np.full((160, 160, 3), 255, np.uint8)
    picture[30:36, 40:120] = 20  # a white carton: only its printed top and foot can be seen
    picture[124:130, 40:120] = 20
    item, cover = cut_out(picture)
    assert item.shape == (100, 80, 3)
    assert (cover[2:-2, 2:-2] == 255).all()


def test_two_items_side_by_side_are_not_joined() -> None:
    picture = np.full((160, 160, 3), 255, np.uint8)
    picture[30:130, 20:60] = picture[30:130, 90:130] = (20, 40, 160)
    _, cover = cut_out(picture)
    assert (cover[:, 45:65] == 0).all()
