"""Colours of packs, inks and shades as 8-bit RGB triples."""

from __future__ import annotations

RGB = tuple[int, int, int]
WHITE: RGB = (255, 255, 255)
WHITE_PLASTIC: RGB = (244, 243, 241)
BLACK_PLASTIC: RGB = (34, 33, 38)


def rgb(code: str) -> RGB:
    """Return the colour of a web code such as `#b5655f`."""
    digits = code.removeprefix("#")
    return int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def mix(first: RGB, second: RGB, share: float) -> RGB:
    """Return the linear interpolation of two colours; `share` is that of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def luma(colour: RGB) -> float:
    """Return the luma, 0 to 255 (Rec. 601 weights)."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def readable(ink: RGB, paper: RGB) -> RGB:
    """Return the ink if it contrasts with the paper, else black or white."""
    if abs(luma(ink) - luma(paper)) >= 70:
        return ink
    return (28, 26, 30) if luma(paper) > 128 else (250, 247, 242)
