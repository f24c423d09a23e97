"""Comparison of a photo's keypoints with those of many pictures."""

from __future__ import annotations

import numpy as np
import pytest

from beautylens.assemble.parts import make_local_features
from beautylens.features.local.features import CLEAR, ROUNDS, Agreement, LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.recipe.sections import KeypointSettings, VerifySettings
from tests.features.local.test_keypoints import random_keypoints
from tests.features.local.test_matching import scene

FIRST = ROUNDS[0][2]
# Pictures of other items, and one of the photo's item after all that are compared in any case.
PICTURES, SAME = 2 * FIRST, 2 * FIRST - 3


@pytest.fixture(scope="module")
def local() -> LocalFeatures:
    return make_local_features(KeypointSettings(), VerifySettings())


@pytest.fixture(scope="module")
def photo_and_pictures() -> tuple[Keypoints, list[Keypoints]]:
    photo, same = scene(5)
    others = [random_keypoints(np.random.default_rng(seed), 60) for seed in range(PICTURES)]
    others[SAME] = same
    return photo, others


def equal(one: Agreement, other: Agreement) -> bool:
    return one.count == other.count and np.array_equal(one.pairs, other.pairs)


def test_pictures_that_agree_by_few_keypoints_are_compared_by_all_wherever_they_stand(
    local: LocalFeatures, photo_and_pictures: tuple[Keypoints, list[Keypoints]]
) -> None:
    photo, pictures = photo_and_pictures
    found, exact = local.compare_likely(photo, pictures), local.compare_all(photo, pictures)
    assert found[SAME].count > 8
    assert all(map(equal, [*found[:FIRST], found[SAME]], [*exact[:FIRST], exact[SAME]]))


def test_beside_a_picture_that_agrees_clearly_those_of_other_items_have_no_inliers(
    local: LocalFeatures, photo_and_pictures: tuple[Keypoints, list[Keypoints]]
) -> None:
    found = local.compare_likely(*photo_and_pictures)
    assert found[SAME].count >= CLEAR
    assert [each.count for each in found[FIRST:] if each is not found[SAME]] == [0] * (FIRST - 1)


def test_where_no_picture_agrees_clearly_more_keypoints_find_one_that_agrees_by_weak_ones(
    local: LocalFeatures, photo_and_pictures: tuple[Keypoints, list[Keypoints]]
) -> None:
    photo, pictures = photo_and_pictures
    same = pictures[SAME]
    agreeing = local.compare(photo, same).pairs[12:, 1]
    descriptors = same.descriptors.copy()
    descriptors[agreeing] = np.random.default_rng(9).integers(0, 120, (len(agreeing), 128))
    # Behind so many strong keypoints of other things that the first round does not see them.
    strong = random_keypoints(np.random.default_rng(8), ROUNDS[0][1])
    hidden = Keypoints(
        np.concatenate([strong.points, same.points]),
        np.concatenate([strong.sizes, same.sizes]),
        np.concatenate([strong.angles, same.angles]),
        np.concatenate([strong.descriptors, descriptors]),
    )
    pictures = [*pictures[:SAME], hidden, *pictures[SAME + 1 :]]
    few = local.compare(photo, hidden.strongest(ROUNDS[0][1]))
    exact = local.compare(photo, hidden)
    assert few.count == 0 < exact.count < CLEAR
    assert equal(local.compare_likely(photo, pictures)[SAME], exact)


def test_no_pictures_and_pictures_without_keypoints_are_compared(local: LocalFeatures) -> None:
    photo = scene(5)[0]
    assert local.compare_likely(photo, []) == []
    assert local.compare_likely(photo, [NO_KEYPOINTS])[0].count == 0
