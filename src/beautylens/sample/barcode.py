"""EAN-13 barcodes: check digit and bars (GS1 General Specifications, section 5.2)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from beautylens.arrays import UInt8
from beautylens.sample.lettering import PLAIN, write

_LEFT_ODD = (
    "0001101",
    "0011001",
    "0010011",
    "0111101",
    "0100011",
    "0110001",
    "0101111",
    "0111011",
    "0110111",
    "0001011",
)
_PARITY = (
    "OOOOOO",
    "OOEOEE",
    "OOEEOE",
    "OOEEEO",
    "OEOOEE",
    "OEEOOE",
    "OEEEOO",
    "OEOEOE",
    "OEOEEO",
    "OEEOEO",
)
# Blank modules on each side of the symbol.
_QUIET_ZONE = 11

# Width of the whole symbol with its quiet zones, in modules.
MODULES = 95 + 2 * _QUIET_ZONE


def with_check_digit(twelve: str) -> str:
    """Return the GTIN-13 of the first twelve digits."""
    total = sum(int(digit) * (1, 3)[index % 2] for index, digit in enumerate(twelve))
    return f"{twelve}{-total % 10}"


def modules(gtin: str) -> str:
    """Return the 95 modules of the symbol, `1` for a bar and `0` for a space."""
    right = ["".join("10"[int(bit)] for bit in code) for code in _LEFT_ODD]
    even = [code[::-1] for code in right]
    parity = _PARITY[int(gtin[0])]
    left = [
        (_LEFT_ODD if half == "O" else even)[int(digit)]
        for half, digit in zip(parity, gtin[1:7], strict=True)
    ]
    return "".join(["101", *left, "01010", *(right[int(digit)] for digit in gtin[7:]), "101"])


def draw_barcode(gtin: str, module: int, height: int) -> UInt8:
    """Return the picture of a symbol with its digits below, (height, MODULES * module, 3) uint8.

    Args:
        gtin: thirteen digits.
        module: width of the narrowest bar in pixels.
        height: in pixels, digits included.
    """
    padded = "0" * _QUIET_ZONE + modules(gtin) + "0" * _QUIET_ZONE
    bars = np.repeat(np.asarray([bit == "0" for bit in padded]), module)
    symbol = np.broadcast_to(bars[None, :, None], (height, bars.size, 3)) * np.uint8(255)
    image = Image.fromarray(symbol.astype(np.uint8))
    digits = (0, round(height * 0.84), image.width, height)
    image.paste((255, 255, 255), digits)
    write(image, " ".join((gtin[0], gtin[1:7], gtin[7:])), digits, PLAIN, (0, 0, 0))
    return np.asarray(image)
