"""Drawings of reasons: what they show, and where."""

from __future__ import annotations

import numpy as np

from beautylens.images.draw import GAP, labelled, match_lines

GREY = np.full((80, 120, 3), 128, np.uint8)
SQUARE = np.asarray([[10, 10], [50, 10], [50, 40], [10, 40]], np.float32)


def test_match_lines_set_both_pictures_side_by_side_on_white() -> None:
    none = np.empty((0, 2), np.float32)
    drawing = match_lines(GREY, GREY[:40], none, none)
    assert drawing.shape == (80, 240 + GAP, 3)
    assert (drawing[:, 120 : 120 + GAP] == 255).all()
    assert (drawing[40:, 120 + GAP :] == 255).all()


def test_an_outline_is_drawn_on_the_picture_and_its_label_beside_it() -> None:
    drawing = labelled(GREY, [SQUARE], ["rose 475"])
    changed = np.argwhere((drawing[:, :120] != GREY).any(axis=2))
    assert changed.min() >= 8
    assert changed.max() <= 52
    assert (drawing[:, 120 + GAP :] != 255).any()


def test_more_labels_than_the_picture_is_tall_for_do_not_spoil_it() -> None:
    drawing = labelled(GREY, [SQUARE] * 40, ["Ö" * place for place in range(40)])
    assert drawing.shape[0] == 80


def test_a_picture_without_outlines_stays_as_it_is() -> None:
    assert (labelled(GREY, [], [])[:, :120] == GREY).all()
