"""The salient item on white: found where it stands out, and never lost."""

from __future__ import annotations

import cv2
import numpy as np

from beautylens.images.salient import salient_on_white


def scene(height: int = 300, width: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A red bottle on a mottled green table, and where it is."""
    rng = np.random.default_rng(0)
    picture = rng.normal((70, 110, 60), 9, (height, width, 3)).clip(0, 255).astype(np.uint8)
    inside = np.zeros((height, width), np.uint8)
    cv2.rectangle(inside, (150, 60), (250, 250), 1, -1)
    picture[inside == 1] = (190, 30, 40)
    return picture, inside == 1


def test_surroundings_become_white_and_the_item_stays() -> None:
    picture, inside = scene()
    found = salient_on_white(picture)
    assert found.shape == picture.shape
    border = cv2.dilate(inside.astype(np.uint8), np.ones((15, 15))) == 0
    core = cv2.erode(inside.astype(np.uint8), np.ones((15, 15))) == 1
    np.testing.assert_array_equal(found[core], picture[core])
    assert (found[border] == 255).mean() > 0.97


def test_the_same_photo_always_gets_the_same_mask() -> None:
    picture, _ = scene()
    first = salient_on_white(picture)
    cv2.setRNGSeed(99)
    np.testing.assert_array_equal(salient_on_white(picture), first)


def test_a_photo_without_an_item_is_left_as_it_is() -> None:
    blank = np.full((120, 90, 3), 77, np.uint8)
    np.testing.assert_array_equal(salient_on_white(blank), blank)
    tiny = np.zeros((1, 1, 3), np.uint8)
    np.testing.assert_array_equal(salient_on_white(tiny), tiny)
