"""Which pictures are one picture."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from beautylens.images.near_duplicates import COARSE, FINE, MAX_DIFFERENCE, difference
from tests.conftest import draw_pack

SAME = 5.0


def pack(number: int = 4) -> np.ndarray:
    return cv2.cvtColor(draw_pack(number), cv2.COLOR_BGR2RGB)


def encoded(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("side", [COARSE, FINE])
def test_a_picture_does_not_differ_from_itself(side: int) -> None:
    assert difference(pack(), pack(), side) < 0.5


def test_encoding_anew_resizing_framing_and_trimming_leave_it_the_same_picture() -> None:
    framed = cv2.copyMakeBorder(pack(), 60, 60, 110, 110, cv2.BORDER_CONSTANT, value=(255,) * 3)
    copies = (
        encoded(pack(), 90),
        cv2.resize(pack(), None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA),
        framed,
        pack()[10:, 8:],
    )
    assert [difference(pack(), copy, COARSE) < SAME for copy in copies] == [True] * 4


def test_another_shade_and_another_word_are_another_picture() -> None:
    shade, word = pack(), pack()
    warmer = shade[100:160, 60:240] + np.array((25, -25, 0))
    shade[100:160, 60:240] = np.clip(warmer, 0, 255)
    word[75:110, 60:240] = word[300, 42]
    assert difference(pack(), shade, COARSE) > SAME
    assert difference(pack(), word, FINE) > SAME


def test_what_has_nothing_in_common_lies_far_apart() -> None:
    blank = np.full((300, 300, 3), 255, np.uint8)
    assert difference(blank, pack(), COARSE) == MAX_DIFFERENCE
    assert difference(pack(0), pack(1), COARSE) > 4 * SAME


def test_a_taller_pack_is_another_size() -> None:
    taller = cv2.resize(pack(), None, fx=1.0, fy=1.15, interpolation=cv2.INTER_CUBIC)
    assert difference(pack(), taller, COARSE) == MAX_DIFFERENCE
