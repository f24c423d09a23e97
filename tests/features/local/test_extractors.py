"""Extractors: the formula of each, and the laws that all of them keep."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from beautylens.features.local.extractors import (
    MAX_LEVEL,
    QUANTUM,
    Extractor,
    orb,
    root_sift,
    rootsift,
    sift,
)
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.matching import Matcher
from beautylens.features.local.verification import verify_homography
from tests.features.local.test_keypoints import printed_label

DETECTORS = {"rootsift": rootsift(), "sift": sift(), "orb": orb()}
detectors = pytest.mark.parametrize("extract", DETECTORS.values(), ids=list(DETECTORS))


def test_root_sift_is_the_root_of_the_l1_normalised_descriptor() -> None:
    raw = np.random.default_rng(0).integers(0, 255, (5, 128)).astype(np.float32)
    for row, found in zip(raw.tolist(), root_sift(raw), strict=True):
        expected = [round((value / sum(row)) ** 0.5 * QUANTUM) for value in row]
        assert np.abs(np.minimum(expected, MAX_LEVEL) - found.astype(int)).max() <= 1
    lengths = np.linalg.norm(root_sift(raw).astype(float) / QUANTUM, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=0.05)


@pytest.mark.parametrize("limit", [60, 3000])
def test_rootsift_is_the_strongest_of_opencvs_sift_rooted(limit: int) -> None:
    label = printed_label()
    grey = cv2.cvtColor(label, cv2.COLOR_RGB2GRAY)
    found, raw = cv2.SIFT.create(nfeatures=limit).detectAndCompute(grey, None)
    strongest = sorted(range(len(found)), key=lambda place: -found[place].response)[:limit]
    keypoints = rootsift()(label, longest=640, limit=limit)
    assert keypoints.points.tolist() == [list(found[place].pt) for place in strongest]
    assert keypoints.sizes.tolist() == [found[place].size for place in strongest]
    np.testing.assert_array_equal(keypoints.descriptors, root_sift(raw[strongest]))
    plain = sift()(label, longest=640, limit=limit)
    np.testing.assert_array_equal(plain.points, keypoints.points)
    np.testing.assert_array_equal(plain.descriptors, raw[strongest])


@detectors
def test_extraction_keeps_the_strongest_and_honours_the_limit(extract: Extractor) -> None:
    label = printed_label()
    many = extract(label, longest=640, limit=2000)
    few = extract(label, longest=640, limit=50)
    assert len(few) == 50 < len(many)
    assert few.descriptors.dtype == np.uint8


def test_the_strongest_of_few_are_among_the_strongest_of_many() -> None:
    label = printed_label()
    many, few = (rootsift()(label, longest=640, limit=limit) for limit in (2000, 50))
    everything = {tuple(point) for point in np.round(many.points[:80]).tolist()}
    assert sum(tuple(point) in everything for point in np.round(few.points).tolist()) >= 45


@detectors
def test_points_are_in_pixels_of_the_shrunken_picture(extract: Extractor) -> None:
    label = cv2.resize(printed_label(), None, fx=3, fy=3)
    found = extract(label, longest=300, limit=500)
    assert found.points[:, 0].max() <= 300
    assert found.points[:, 1].max() <= 210


@detectors
def test_a_blank_picture_has_no_keypoints_and_still_stores(extract: Extractor) -> None:
    length = extract(printed_label(), longest=640, limit=5).descriptors.shape[1]
    blank = extract(np.full((90, 90, 3), 255, np.uint8), longest=640, limit=100)
    assert len(blank) == 0
    assert blank.descriptors.shape == (0, length)
    assert Keypoints.from_bytes(blank.to_bytes()).descriptors.shape == (0, length)


@detectors
def test_a_turned_copy_is_found_again_from_what_was_stored(extract: Extractor) -> None:
    label = printed_label()
    matrix = cv2.getRotationMatrix2D((300, 210), 25, 0.8)
    turned = cv2.warpAffine(label, matrix, (600, 420), borderValue=(255, 255, 255))
    query, gallery = (
        Keypoints.from_bytes(extract(picture, longest=640, limit=800).to_bytes())
        for picture in (turned, label)
    )
    pairs = Matcher(query, distance=extract.distance)(gallery)
    verified = verify_homography(query, gallery, pairs)
    assert verified.count >= 40
    corners = np.array([[[200, 150], [400, 150], [300, 260]]], np.float64)
    back = cv2.perspectiveTransform(cv2.transform(corners, matrix), verified.transform)
    np.testing.assert_allclose(back, corners, atol=3)
