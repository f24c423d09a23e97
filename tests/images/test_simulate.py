"""The phone-photo simulation: what it must never change, and what it must always do."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from beautylens.images.backgrounds import BACKGROUNDS
from beautylens.images.simulate import EFFECTS, phone_photo, pose

Picture = NDArray[np.uint8]

PLAIN = ("grey", "white", "black", "noise", "item")


def picture_of(kind: str, height: int, width: int, seed: int = 0) -> Picture:
    """Return a picture of one of the kinds that break careless code."""
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), np.uint8)
    picture = np.full((height, width, 3), {"grey": 128, "black": 0}.get(kind, 255), np.uint8)
    if kind == "item":
        picture[height // 4 : 3 * height // 4 + 1, width // 4 : 3 * width // 4 + 1] = (200, 20, 40)
    return picture


def studio_item() -> Picture:
    """Return a red slab, 60 wide and 100 high, at (50, 30) on white."""
    picture = np.full((160, 160, 3), 255, np.uint8)
    picture[30:130, 50:110] = (180, 30, 40)
    return picture


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(PLAIN),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    seed=st.integers(0, 2**32 - 1),
    strength=st.floats(0, 2),
)
def test_any_picture_becomes_an_rgb_photo_of_three_to_four(
    kind: str, height: int, width: int, seed: int, strength: float
) -> None:
    picture = picture_of(kind, height, width, seed)
    photo = phone_photo(picture, np.random.default_rng(seed), strength=strength)
    assert photo.dtype == np.uint8
    assert photo.shape[2] == 3
    assert sorted(photo.shape[:2]) == [max(photo.shape) * 3 // 4, max(photo.shape)]
    assert 96 <= max(photo.shape) <= 1200


@pytest.mark.parametrize("shape", [(1, 900), (900, 1), (2, 2), (3000, 40)])
@pytest.mark.parametrize("kind", PLAIN)
def test_slivers_and_specks_survive(kind: str, shape: tuple[int, int]) -> None:
    photo = phone_photo(picture_of(kind, *shape), np.random.default_rng(5))
    assert 96 <= max(photo.shape) <= 1200


def test_the_picture_given_is_left_as_it_was() -> None:
    picture = studio_item()
    phone_photo(picture, np.random.default_rng(1))
    np.testing.assert_array_equal(picture, studio_item())


def test_the_same_chance_takes_the_same_photo_and_another_chance_another() -> None:
    photos = [phone_photo(studio_item(), np.random.default_rng(seed)) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(photos[0], photos[1])
    assert photos[0].shape != photos[2].shape or (photos[0] != photos[2]).any()


def test_the_studio_white_does_not_come_along() -> None:
    black = np.zeros((50, 50, 3), np.uint8)
    for seed in range(12):
        photo = phone_photo(
            studio_item(), np.random.default_rng(seed), background=black, strength=0.0
        )
        assert photo[..., 2].max() < 90, "nothing here is blue or white"
        assert (photo[..., 0] > 140).mean() > 0.1, "the item is there"


def test_without_strength_an_item_stands_upright_whole_and_unblurred() -> None:
    grey = np.full((9, 9, 3), 90, np.uint8)
    for seed in range(12):
        photo = phone_photo(
            studio_item(), np.random.default_rng(seed), background=grey, strength=0.0
        )
        rows, columns = np.nonzero(photo[..., 0] > 150)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert height / width == pytest.approx(100 / 60, rel=0.06)
        assert rows.size / (height * width) > 0.97


def test_about_one_photo_in_five_lies_on_its_side() -> None:
    item, cover = np.zeros((80, 20, 3), np.uint8), np.full((80, 20), 255, np.uint8)
    lying = 0
    for seed in range(400):
        _, seen = pose(item, cover, (96, 96), np.random.default_rng(seed), 1.0)
        _, _, width, height = cv2.boundingRect(seen)
        lying += width > height
    assert 0.12 < lying / 400 < 0.26


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.__name__)
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_effects_keep_size_and_type_and_do_nothing_without_strength(effect, strength) -> None:
    photo = cv2.resize(picture_of("noise", 12, 9), (72, 96), interpolation=cv2.INTER_CUBIC)
    for seed in range(6):
        changed = effect(photo, np.random.default_rng(seed), strength)
        assert changed.shape == photo.shape
        assert changed.dtype == np.uint8
        if strength == 0.0:
            difference = np.abs(changed.astype(int) - photo.astype(int))
            assert difference.mean() < 3, "a JPEG of the best quality may still round"


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(BACKGROUNDS)),
    height=st.integers(8, 120),
    width=st.integers(8, 120),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_background_fills_any_frame(name: str, height: int, width: int, seed: int) -> None:
    scene = BACKGROUNDS[name](height, width, np.random.default_rng(seed))
    assert scene.shape == (height, width, 3)
    assert scene.dtype == np.uint8
