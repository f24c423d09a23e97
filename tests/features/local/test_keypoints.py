"""The stored form of keypoints: what comes back, for descriptors of every length."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.features.local.keypoints import Keypoints, no_keypoints

LENGTHS = (128, 64, 32, 8, 256)


def printed_label(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    label = np.full((420, 600, 3), 255, np.uint8)
    for line in range(9):
        text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVWXYZ0123456789"), 16))
        cv2.putText(
            label, text, (15, 45 + 42 * line), cv2.FONT_HERSHEY_DUPLEX, 1.2, (20, 20, 90), 2
        )
    return label


def random_keypoints(
    rng: np.random.Generator, count: int, length: int = 128, levels: int = 256
) -> Keypoints:
    """Keypoints with descriptors of few levels where equal distances are to occur."""
    return Keypoints(
        (rng.random((count, 2)) * 600).astype(np.float32),
        (rng.random(count) * 8 + 3).astype(np.float32),
        (rng.random(count) * 2 * np.pi).astype(np.float32),
        (rng.integers(0, levels, (count, length)) * (256 // levels)).astype(np.uint8),
    )


@given(
    st.sampled_from(LENGTHS),
    st.sampled_from([16, 256]),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_stored_keypoints_come_back_within_their_precision(
    length: int, levels: int, count: int, seed: int
) -> None:
    keypoints = random_keypoints(np.random.default_rng(seed), count, length)
    keypoints.descriptors[:] %= levels - 1
    keypoints.descriptors[0, -1] = levels - 1
    data = keypoints.to_bytes()
    assert len(data) == 4 + (8 + (length if levels > 16 else length // 2)) * count
    loaded = Keypoints.from_bytes(data)
    np.testing.assert_allclose(loaded.points, keypoints.points, atol=1 / 32)
    np.testing.assert_allclose(loaded.sizes, keypoints.sizes, rtol=1e-3)
    turns = np.exp(1j * loaded.angles) - np.exp(1j * keypoints.angles)
    assert np.abs(turns).max(initial=0) < 1e-3
    np.testing.assert_array_equal(loaded.descriptors, keypoints.descriptors)
    assert loaded.to_bytes() == data


@pytest.mark.parametrize("length", LENGTHS)
def test_a_blank_picture_stores_and_keeps_the_length_of_its_descriptors(length: int) -> None:
    loaded = Keypoints.from_bytes(no_keypoints(length).to_bytes())
    assert len(loaded) == 0
    assert loaded.descriptors.shape == (0, length)


def test_of_nothing_there_are_no_keypoints() -> None:
    assert len(Keypoints.from_bytes(b"")) == 0


def test_an_odd_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a descriptor of 31 bytes cannot be stored"):
        no_keypoints(31).to_bytes()
