"""Aggregated local descriptors against plain loops, and what a young catalogue teaches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.features.local.vlad import VladEncoder, learn_projection, learn_words, vlad
from tests.features.local.test_keypoints import random_keypoints


def pictures(count: int, keypoints: int = 40, seed: int = 0) -> list[Keypoints]:
    rng = np.random.default_rng(seed)
    return [random_keypoints(rng, keypoints) for _ in range(count)]


@pytest.fixture(scope="module")
def aggregate() -> VladEncoder:
    return VladEncoder.fit(pictures(30), words=8, dimensions=16)


def slow_vlad(descriptors: np.ndarray, words: np.ndarray) -> np.ndarray:
    sums = np.zeros(words.shape)
    for descriptor in descriptors.astype(np.float64):
        distances = [((descriptor - word) ** 2).sum() for word in words]
        place = int(np.argmin(distances))
        sums[place] += descriptor - words[place]
    for place, row in enumerate(sums):
        length = np.sqrt((row**2).sum())
        sums[place] = row / length if length > 0 else row
    return sums.ravel() / np.sqrt((sums**2).sum())


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_each_word_holds_the_unit_sum_of_what_is_nearest_to_it(
    count: int, words: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    descriptors = (rng.normal(size=(count, 12)) * 100).astype(np.float32)
    centres = (rng.normal(size=(words, 12)) * 100).astype(np.float32)
    np.testing.assert_allclose(
        vlad(descriptors, centres), slow_vlad(descriptors, centres), atol=1e-5
    )


@given(st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_the_order_of_keypoints_changes_nothing_and_rows_have_unit_length(
    aggregate: VladEncoder, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    keypoints = random_keypoints(rng, count)
    turned = Keypoints(
        keypoints.points,
        keypoints.sizes,
        keypoints.angles,
        keypoints.descriptors[rng.permutation(count)],
    )
    one, other = aggregate([keypoints, turned])
    np.testing.assert_allclose(one, other, atol=1e-4)
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-4)


def test_a_picture_without_keypoints_gives_zeros_among_others(aggregate: VladEncoder) -> None:
    printed = pictures(2, seed=5)
    rows = aggregate([printed[0], NO_KEYPOINTS, printed[1]])
    assert not rows[1].any()
    np.testing.assert_allclose(rows[[0, 2]], aggregate(printed), atol=1e-6)
    assert aggregate([NO_KEYPOINTS]).shape == (1, 16)
    assert aggregate([]).shape == (0, 16)


def test_bytes_bring_back_the_same_rows_and_fingerprint(aggregate: VladEncoder) -> None:
    again = VladEncoder.from_bytes(aggregate.to_bytes())
    assert again.fingerprint == aggregate.fingerprint
    np.testing.assert_array_equal(again(pictures(3, seed=5)), aggregate(pictures(3, seed=5)))
    other = VladEncoder.fit(pictures(30, seed=1), words=8, dimensions=16)
    assert other.fingerprint != aggregate.fingerprint


def test_a_keypoint_that_is_a_word_adds_nothing() -> None:
    rng = np.random.default_rng(0)
    words = (rng.random((5, 64)) * 100).astype(np.float32)
    other = (rng.random((1, 64)) * 100).astype(np.float32)
    both = np.concatenate([words[:1] + np.float32(1e-4), other])
    np.testing.assert_allclose(vlad(both, words), vlad(other, words), atol=1e-6)


def test_the_same_pictures_teach_the_same(aggregate: VladEncoder) -> None:
    assert (
        VladEncoder.fit(pictures(30), words=8, dimensions=16).fingerprint == aggregate.fingerprint
    )


def test_words_are_centres_of_what_they_gather() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    points = np.concatenate([centre + rng.normal(size=(200, 2)) * 0.1 for centre in centres])
    found = learn_words(points.astype(np.float32), 3)
    distances = np.linalg.norm(found[:, None] - centres, axis=2)
    assert sorted(distances.argmin(axis=1)) == [0, 1, 2]
    assert distances.min(axis=1).max() < 0.1
    assert len(learn_words(points[:2].astype(np.float32), 3)) == 2


def test_enough_pictures_give_the_principal_axes() -> None:
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(60, 20)) * np.linspace(3, 1, 20)).astype(np.float32)
    projected = (rows - rows.mean(axis=0)) @ learn_projection(rows, 6).matrix.T
    expected = PCA(6, svd_solver="full").fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(projected @ projected.T, expected @ expected.T, atol=0.2)


def test_a_young_catalogue_keeps_its_cosines_and_tells_strangers_apart() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 4096)).astype(np.float32)
    projection = learn_projection(rows, 256)
    assert projection.matrix.shape == (256, 4096)
    centred = (rows - rows.mean(axis=0)).astype(np.float64)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    found = projection(rows)
    np.testing.assert_allclose(found @ found.T, centred @ centred.T, atol=0.05)
    strangers = rng.normal(size=(40, 4096)).astype(np.float32)
    seen = strangers + rng.normal(size=strangers.shape).astype(np.float32) * 0.5
    nearest = (projection(seen) @ projection(strangers).T).argmax(axis=1)
    assert nearest.tolist() == list(range(40))


def test_near_copies_add_no_axis() -> None:
    rng = np.random.default_rng(0)
    rows = np.repeat(rng.normal(size=(4, 64)).astype(np.float32), 3, axis=0)
    matrix = learn_projection(rows, 3).matrix
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=0.01)


@pytest.mark.parametrize("blank", [[], [NO_KEYPOINTS] * 3])
def test_a_catalogue_without_print_still_serves_what_is_added_later(blank: list[Keypoints]) -> None:
    learnt = VladEncoder.fit(blank, words=8, dimensions=16)
    rows = learnt(pictures(2))
    assert rows.shape == (2, 16)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)


def test_one_picture_is_enough_to_start_with() -> None:
    learnt = VladEncoder.fit(pictures(1), words=8, dimensions=16)
    rows = learnt(pictures(3))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
