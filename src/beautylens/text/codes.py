"""Barcode reading."""

from __future__ import annotations

import math
import re
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.catalogue.gtin import gtin14
from beautylens.images.fit import shrink
from beautylens.runtime.native import ZXING
from beautylens.text.gs1 import gtin_of_text

# Symbologies of retail packs and of shipping cases, and those that may contain a GTIN.
FORMATS = "EAN13,EAN8,UPCA,UPCE,DataBar,DataBarExp,DataBarLtd,ITF14,Code128"
# Two-dimensional ones, which are looked for at half the size: they cost as much as all others.
SQUARE_FORMATS = "QRCode,DataMatrix"
# Longer side in pixels: a barcode over a quarter of it has two pixels a bar; more is slower only.
LONGEST = 2048
_BRACKETED = re.compile(r"^\(01\)(\d{14})")
_PLAIN = re.compile(r"^01(\d{14})")
# Symbology identifiers (ISO/IEC 15424) of QR codes and Data Matrix, and of those with elements.
_SQUARE = ("]Q", "]d")
_ELEMENTS = ("]Q3", "]Q4", "]d2")


def read_barcodes(picture: UInt8) -> tuple[str, ...]:
    """Return the GTINs of the barcodes on a picture, fourteen digits each, in reading order.

    Barcodes may have any direction; those with a wrong check digit are skipped.

    Args:
        picture: (H, W, 3) uint8 RGB, at full size.
    """
    grey = np.asarray(cv2.cvtColor(shrink(picture, LONGEST)[0], cv2.COLOR_RGB2GRAY), np.uint8)
    # At half the size blur and noise are less. The reader scans rows and columns, and misses bars
    # at 45 degrees.
    half, _ = shrink(grey, max(grey.shape) // 2 or 1)
    return (
        _read_gtins(grey, FORMATS)
        or _read_gtins(half, f"{FORMATS},{SQUARE_FORMATS}")
        or _read_gtins(_rotated(grey), FORMATS)
    )


def _read_gtins(grey: UInt8, formats: str) -> tuple[str, ...]:
    gtins = (_gtin_of(barcode) for barcode in _symbols(grey, formats) if barcode.valid)
    return tuple(dict.fromkeys(gtin for gtin in gtins if gtin is not None))


def _rotated(grey: UInt8) -> UInt8:
    """Return the picture rotated by 45 degrees, on a canvas that holds all of it."""
    height, width = grey.shape
    side = math.ceil((height + width) / math.sqrt(2))
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), 45, 1.0)
    rotation[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(grey, rotation, (side, side), borderValue=255), np.uint8)


def _gtin_of(barcode: Any) -> str | None:
    """Return the GTIN of a barcode; Code 128 has one only with application identifier 01."""
    if barcode.symbology_identifier[:2] in _SQUARE:
        return gtin_of_text(barcode.text, elements=barcode.symbology_identifier in _ELEMENTS)
    match = _BRACKETED.match(barcode.text)
    if match is None and barcode.symbology_identifier == "]C1":
        match = _PLAIN.match(barcode.text)
    if match is not None:
        return gtin14(match[1])
    return None if barcode.symbology_identifier.startswith("]C") else gtin14(barcode.text)


@ZXING.serialise_first_call
def _symbols(grey: UInt8, formats: str) -> list[Any]:
    """Return the barcodes that the reader detects, valid or not."""
    # Imported late: most programs read no barcode.
    import zxingcpp

    chosen = zxingcpp.barcode_formats_from_str(formats)
    return list(zxingcpp.read_barcodes(grey, formats=chosen))
