"""Reading the barcode on a picture."""

from __future__ import annotations

import math
import re
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.catalogue.gtin import gtin14
from beautylens.images.fit import shrink
from beautylens.native import ZXING

# Retail symbols, those of shipping cases, and those that carry a GTIN among other data.
FORMATS = "EAN13,EAN8,UPCA,UPCE,DataBar,DataBarExp,DataBarLtd,ITF14,Code128"
# A barcode that fills a quarter of this has two pixels a bar; more only costs time.
LONGEST = 2048
_TOLD = re.compile(r"^\(01\)(\d{14})")
_UNTOLD = re.compile(r"^01(\d{14})")


def read_barcodes(picture: UInt8) -> tuple[str, ...]:
    """Return the GTINs that barcodes on a picture say, fourteen digits each, in reading order.

    Any direction; a symbol whose check digit is wrong says nothing.

    Args:
        picture: (H, W, 3) uint8 RGB, as large as there is.
    """
    grey = np.asarray(cv2.cvtColor(shrink(picture, LONGEST)[0], cv2.COLOR_RGB2GRAY), np.uint8)
    # At half the size blur and noise are less; and a scan of rows and columns misses bars that
    # lean half-way between them.
    half, _ = shrink(grey, max(grey.shape) // 2 or 1)
    return _scanned(grey) or _scanned(half) or _scanned(_leaning(grey))


def _scanned(grey: UInt8) -> tuple[str, ...]:
    said = (_gtin_of(barcode) for barcode in _symbols(grey) if barcode.valid)
    return tuple(dict.fromkeys(gtin for gtin in said if gtin is not None))


def _leaning(grey: UInt8) -> UInt8:
    """Return the picture turned by 45 degrees on a canvas that holds all of it."""
    height, width = grey.shape
    side = math.ceil((height + width) / math.sqrt(2))
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 45, 1.0)
    turn[:, 2] += (side - width) / 2, (side - height) / 2
    return np.asarray(cv2.warpAffine(grey, turn, (side, side), borderValue=255), np.uint8)


def _gtin_of(barcode: Any) -> str | None:
    """Return the GTIN of a symbol; Code 128 is one only with application identifier 01."""
    told = _TOLD.match(barcode.text)
    if told is None and barcode.symbology_identifier == "]C1":
        told = _UNTOLD.match(barcode.text)
    if told is not None:
        return gtin14(told[1])
    return None if barcode.symbology_identifier.startswith("]C") else gtin14(barcode.text)


@ZXING.first_call_alone
def _symbols(grey: UInt8) -> list[Any]:
    """Return what looks like a barcode."""
    # Imported on first use; most programs never read a barcode.
    import zxingcpp

    formats = zxingcpp.barcode_formats_from_str(FORMATS)
    return list(zxingcpp.read_barcodes(grey, formats=formats))
