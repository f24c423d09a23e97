"""A photo's keypoints: taken once, by another thread where that was asked for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from beautylens.errors import EncoderError
from beautylens.features.local.keypoints import NO_KEYPOINTS, Keypoints
from beautylens.query import Photo


class Taking:
    """Takes no keypoints, but notes which thread asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.threads: list[int] = []
        self.error = error

    def extract(self, _pixels: Any) -> Keypoints:
        self.threads.append(threading.get_ident())
        if self.error:
            raise self.error
        return NO_KEYPOINTS


def a_photo() -> Photo:
    return Photo(np.zeros((8, 8, 3), np.uint8))


def test_keypoints_begun_elsewhere_are_taken_once() -> None:
    local: Any = Taking()
    photo = a_photo()
    photo.begin_keypoints(local)
    photo.begin_keypoints(local)
    assert photo.take_keypoints(local) is photo.take_keypoints(local)
    photo.begin_keypoints(local)
    (thread,) = local.threads
    assert thread != threading.get_ident()
    assert photo.milliseconds["keypoints"] >= 0


def test_keypoints_not_begun_are_taken_here() -> None:
    local: Any = Taking()
    a_photo().take_keypoints(local)
    assert local.threads == [threading.get_ident()]


def test_what_went_wrong_elsewhere_is_raised_here() -> None:
    local: Any = Taking(EncoderError("no such file"))
    photo = a_photo()
    photo.begin_keypoints(local)
    with pytest.raises(EncoderError, match="no such file"):
        photo.take_keypoints(local)
