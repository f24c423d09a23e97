"""Describing a photo: what its query holds, and where each part of it is computed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from beautylens.errors import EncoderError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.features.local.vlad import VladEncoder
from beautylens.images.salient import salient_on_white
from beautylens.query import Photo
from beautylens.search.describe import Describe
from tests.conftest import draw_pack, photograph
from tests.features.local.test_keypoints import random_keypoints


def keypoints_of(seed: int, count: int) -> Keypoints:
    return random_keypoints(np.random.default_rng(seed), count)


PHOTO = Photo(photograph(draw_pack(0), 0)[..., ::-1].copy(), "brand = 'Dior'", "rouge")


class Encoder:
    """Gives every picture the same descriptor, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[np.ndarray, Sequence[float]]] = []

    def describe_views(self, picture: np.ndarray, views: Sequence[float]) -> np.ndarray:
        self.given.append((picture, views))
        return np.array([1, 0], np.float32)


class Local:
    """Takes the same keypoints of every picture, and notes what and in which thread."""

    def __init__(self, keypoints: Keypoints, error: Exception | None = None) -> None:
        self.keypoints, self.error = keypoints, error
        self.threads: list[int] = []
        self.pictures: list[np.ndarray] = []

    def extract(self, pixels: np.ndarray) -> Keypoints:
        self.threads.append(threading.get_ident())
        self.pictures.append(pixels)
        if self.error:
            raise self.error
        return self.keypoints


def describe(
    encoder: Encoder, local: Local | None = None, vlad: VladEncoder | None = None, **options: Any
) -> Describe:
    return Describe(
        cast(BaseEncoder, encoder), local=cast(LocalFeatures, local), vlad=vlad, **options
    )


@pytest.fixture(scope="module")
def vlad() -> VladEncoder:
    return VladEncoder.fit([keypoints_of(seed, 40) for seed in range(6)], 4, 16)


def test_a_query_holds_the_photo_its_descriptor_and_how_many_are_wanted() -> None:
    encoder = Encoder()
    query = describe(encoder, views=(1.0, 0.5))(PHOTO, 3)
    assert query.photo is PHOTO
    assert query.limit == 3
    assert query.descriptor.tolist() == [1, 0]
    (picture, views), *_ = encoder.given
    assert picture is PHOTO.pixels
    assert views == (1.0, 0.5)


def test_a_recipe_without_local_features_takes_no_keypoints() -> None:
    query = describe(Encoder())(PHOTO)
    assert query.keypoints is None
    assert query.vlad is None


def test_keypoints_are_taken_once_and_by_another_thread() -> None:
    local = Local(keypoints_of(9, 9))
    query = describe(Encoder(), local)(PHOTO)
    assert query.keypoints is local.keypoints
    assert query.vlad is None
    (thread,) = local.threads
    assert thread != threading.get_ident()


def test_what_went_wrong_with_keypoints_is_raised_to_the_caller() -> None:
    local = Local(NO_KEYPOINTS, EncoderError("no such file"))
    with pytest.raises(EncoderError, match="no such file"):
        describe(Encoder(), local)(PHOTO)


def test_the_vlad_is_of_as_many_of_the_strongest_keypoints_as_the_gallery_keeps(
    vlad: VladEncoder,
) -> None:
    keypoints = keypoints_of(77, 30)
    query = describe(Encoder(), Local(keypoints), vlad, vlad_limit=12)(PHOTO)
    kept = Keypoints(
        *(getattr(keypoints, n)[:12] for n in ("points", "sizes", "angles", "descriptors"))
    )
    assert query.keypoints is keypoints
    assert query.vlad is not None
    np.testing.assert_array_equal(query.vlad, vlad([kept])[0])
    assert not np.array_equal(query.vlad, vlad([keypoints])[0])


def test_a_photo_without_keypoints_has_no_vlad(vlad: VladEncoder) -> None:
    query = describe(Encoder(), Local(NO_KEYPOINTS), vlad, vlad_limit=12)(PHOTO)
    assert query.keypoints is NO_KEYPOINTS
    assert query.vlad is None


def test_only_the_encoder_sees_the_salient_item_on_white() -> None:
    encoder, local = Encoder(), Local(keypoints_of(9, 9))
    query = describe(encoder, local, salient=True)(PHOTO)
    (seen, _), *_ = encoder.given
    np.testing.assert_array_equal(seen, salient_on_white(PHOTO.pixels))
    assert not np.array_equal(seen, PHOTO.pixels)
    assert local.pictures[0] is PHOTO.pixels
    assert query.pixels is PHOTO.pixels
