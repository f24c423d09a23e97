"""Colour: CIEDE2000 against its published test pairs, CIELAB against OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from beautylens.features.colour.cielab import ciede2000, lab, levels, linear

# Sharma, Wu, Dalal (2005), table 1: two CIELAB colours and their difference.
PUBLISHED = """
50.0000 2.6772 -79.7751 50.0000 0.0000 -82.7485 2.0425
50.0000 3.1571 -77.2803 50.0000 0.0000 -82.7485 2.8615
50.0000 2.8361 -74.0200 50.0000 0.0000 -82.7485 3.4412
50.0000 -1.3802 -84.2814 50.0000 0.0000 -82.7485 1.0000
50.0000 -1.1848 -84.8006 50.0000 0.0000 -82.7485 1.0000
50.0000 -0.9009 -85.5211 50.0000 0.0000 -82.7485 1.0000
50.0000 0.0000 0.0000 50.0000 -1.0000 2.0000 2.3669
50.0000 -1.0000 2.0000 50.0000 0.0000 0.0000 2.3669
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0009 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0010 7.1792
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0011 7.2195
50.0000 2.4900 -0.0010 50.0000 -2.4900 0.0012 7.2195
50.0000 -0.0010 2.4900 50.0000 0.0009 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0010 -2.4900 4.8045
50.0000 -0.0010 2.4900 50.0000 0.0011 -2.4900 4.7461
50.0000 2.5000 0.0000 50.0000 0.0000 -2.5000 4.3065
50.0000 2.5000 0.0000 73.0000 25.0000 -18.0000 27.1492
50.0000 2.5000 0.0000 61.0000 -5.0000 29.0000 22.8977
50.0000 2.5000 0.0000 56.0000 -27.0000 -3.0000 31.9030
50.0000 2.5000 0.0000 58.0000 24.0000 15.0000 19.4535
50.0000 2.5000 0.0000 50.0000 3.1736 0.5854 1.0000
50.0000 2.5000 0.0000 50.0000 3.2972 0.0000 1.0000
50.0000 2.5000 0.0000 50.0000 1.8634 0.5757 1.0000
50.0000 2.5000 0.0000 50.0000 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""
colours = arrays(np.uint8, (7, 3))


def test_ciede2000_gives_the_published_differences_both_ways() -> None:
    table = np.array(
        [[float(cell) for cell in row.split()] for row in PUBLISHED.split("\n") if row]
    )
    left, right, wanted = table[:, :3], table[:, 3:6], table[:, 6]
    np.testing.assert_allclose(ciede2000(left, right), wanted, atol=1e-4)
    np.testing.assert_allclose(ciede2000(right, left), wanted, atol=1e-4)


@given(colours)
def test_cielab_is_that_of_opencv(pixels: np.ndarray) -> None:
    expected = cv2.cvtColor(np.float32(pixels[None] / 255), cv2.COLOR_RGB2Lab)[0]
    np.testing.assert_allclose(lab(linear(pixels)), expected, atol=0.6)


@given(colours)
def test_levels_come_back_from_cielab(pixels: np.ndarray) -> None:
    assert np.abs(levels(lab(linear(pixels))).astype(int) - pixels).max() <= 1


@given(colours, colours)
def test_the_difference_is_zero_of_a_colour_to_itself_and_never_below(
    left: np.ndarray, right: np.ndarray
) -> None:
    one, other = lab(linear(left)), lab(linear(right))
    assert (ciede2000(one, other) >= 0).all()
    np.testing.assert_allclose(ciede2000(one, one), 0, atol=1e-6)
    np.testing.assert_allclose(ciede2000(one, other), ciede2000(other, one), atol=1e-9)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_light_is_lighter(one: float, other: float) -> None:
    darker, lighter = sorted((one, other))
    grey = lab(np.array([[darker] * 3, [lighter] * 3]))
    assert grey[0, 0] <= grey[1, 0]
    np.testing.assert_allclose(grey[:, 1:], 0, atol=0.01)
