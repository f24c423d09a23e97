"""Keypoints: the RootSIFT formula, the stored form, and what extraction keeps."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from beautylens.features.keypoints import QUANTUM, Keypoints, extract_keypoints, root_sift


def printed_label(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    label = np.full((420, 600, 3), 255, np.uint8)
    for line in range(9):
        text = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVWXYZ0123456789"), 16))
        cv2.putText(
            label, text, (15, 45 + 42 * line), cv2.FONT_HERSHEY_DUPLEX, 1.2, (20, 20, 90), 2
        )
    return label


def test_root_sift_is_the_root_of_the_l1_normalised_descriptor() -> None:
    raw = np.random.default_rng(0).integers(0, 255, (5, 128)).astype(np.float32)
    for row, found in zip(raw.tolist(), root_sift(raw), strict=True):
        expected = [round((value / sum(row)) ** 0.5 * QUANTUM) for value in row]
        assert np.abs(np.minimum(expected, 255) - found.astype(int)).max() <= 1
    lengths = np.linalg.norm(root_sift(raw).astype(float) / QUANTUM, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=0.01)


def test_extraction_keeps_the_strongest_and_honours_the_limit() -> None:
    label = printed_label()
    many = extract_keypoints(label, longest=640, limit=2000)
    few = extract_keypoints(label, longest=640, limit=50)
    assert len(few) == 50 < len(many)
    everything = {tuple(point) for point in np.round(many.points[:80]).tolist()}
    assert sum(tuple(point) in everything for point in np.round(few.points).tolist()) >= 45


def test_points_are_in_pixels_of_the_shrunken_picture() -> None:
    label = cv2.resize(printed_label(), None, fx=3, fy=3)
    found = extract_keypoints(label, longest=300, limit=500)
    assert found.points[:, 0].max() <= 300
    assert found.points[:, 1].max() <= 210


def test_a_blank_picture_has_no_keypoints_and_still_stores() -> None:
    blank = extract_keypoints(np.full((90, 90, 3), 255, np.uint8), longest=640, limit=100)
    assert len(blank) == 0
    assert blank.descriptors.shape == (0, 128)
    assert len(Keypoints.from_bytes(blank.to_bytes())) == 0


@given(st.integers(0, 30), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_stored_keypoints_come_back_within_their_precision(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    keypoints = Keypoints(
        (rng.random((count, 2)) * 4000).astype(np.float32),
        (rng.random(count) * 300 + 1).astype(np.float32),
        (rng.random(count) * 2 * np.pi).astype(np.float32),
        rng.integers(0, 256, (count, 128)).astype(np.uint8),
    )
    data = keypoints.to_bytes()
    assert len(data) == 136 * count
    loaded = Keypoints.from_bytes(data)
    np.testing.assert_allclose(loaded.points, keypoints.points, atol=1 / 32)
    np.testing.assert_allclose(loaded.sizes, keypoints.sizes, rtol=1e-3)
    turns = np.exp(1j * loaded.angles) - np.exp(1j * keypoints.angles)
    assert np.abs(turns).max(initial=0) < 1e-3
    np.testing.assert_array_equal(loaded.descriptors, keypoints.descriptors)
