"""Thumbnails: their size, their scale to the picture of keypoints, and back from JPEG."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.images.thumbnail import SIDE, Thumbnail


@pytest.mark.parametrize(("side", "scale"), [(1000, SIDE / 640), (400, SIDE / 400), (100, 1.0)])
def test_the_scale_is_to_the_picture_that_keypoints_were_taken_from(
    side: int, scale: float
) -> None:
    thumbnail = Thumbnail.of(np.full((side, side // 2, 3), 90, np.uint8), 640)
    assert thumbnail.scale == pytest.approx(scale)
    assert max(thumbnail.pixels.shape) == min(side, SIDE)


def test_a_stored_thumbnail_comes_back_nearly_as_it_was() -> None:
    down, across = np.mgrid[0:120, 0:90]
    picture = np.stack([down * 2, across * 2, down + across], axis=-1).astype(np.uint8)
    thumbnail = Thumbnail.of(picture, 640)
    back = Thumbnail.from_jpeg(thumbnail.to_jpeg(), thumbnail.scale)
    assert back.scale == thumbnail.scale
    assert np.abs(back.pixels.astype(int) - picture).mean() < 3
