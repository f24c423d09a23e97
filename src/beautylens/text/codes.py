"""Barcode reading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.catalogue.gtin import gtin14
from beautylens.images.fit import shrink
from beautylens.runtime.native import OPENCV, ZXING
from beautylens.text.gs1 import Code, code_of

# Symbologies of retail packs and of shipping cases, and those that may contain a GTIN.
FORMATS = "EAN13,EAN8,UPCA,UPCE,DataBar,DataBarExp,DataBarLtd,ITF14,Code128"
# Two-dimensional ones, which are looked for at half the size: they cost as much as all others.
SQUARE_FORMATS = "QRCode,DataMatrix"
# Longer side in pixels: a barcode over a quarter of it has two pixels a bar; more is slower only.
LONGEST = 2048
# Width of a region that is cut out, in multiples of the bars': both ends need a quiet zone.
_MARGIN = 1.5
# Symbology identifiers (ISO/IEC 15424) of QR codes and Data Matrix, and of codes with elements.
_SQUARE = ("]Q", "]d")
_ELEMENTS = ("]C1", "]Q3", "]Q4", "]d2")


def read_codes(picture: UInt8) -> tuple[Code, ...]:
    """Return what the codes on a picture say, each item number once, in reading order.

    Barcodes come before square codes, which say more of the same item. They may have any direction;
    those with a wrong check digit are skipped.

    Args:
        picture: (H, W, 3) uint8 RGB, at full size.
    """
    grey = np.asarray(cv2.cvtColor(shrink(picture, LONGEST)[0], cv2.COLOR_RGB2GRAY), np.uint8)
    # At half the size blur and noise are less, and light codes on a dark pack are looked for, too.
    half, _ = shrink(grey, max(grey.shape) // 2 or 1)
    if found := _read(grey, FORMATS):
        return _each_once((*found, *_read(half, SQUARE_FORMATS, inverted=True)))
    return _read(half, f"{FORMATS},{SQUARE_FORMATS}", inverted=True) or _read_upright(grey)


def read_barcodes(picture: UInt8) -> tuple[str, ...]:
    """Return the GTINs of the barcodes on a picture, fourteen digits each, in reading order.

    Args:
        picture: (H, W, 3) uint8 RGB, at full size.
    """
    return tuple(code.gtin for code in read_codes(picture))


def _read(grey: UInt8, formats: str, *, inverted: bool = False) -> tuple[Code, ...]:
    symbols = _symbols(grey, formats, inverted=inverted)
    codes = (_code_of(barcode) for barcode in symbols if barcode.valid)
    return _each_once(code for code in codes if code is not None)


def _each_once(codes: Iterable[Code]) -> tuple[Code, ...]:
    """Return one code for each item number, with the first batch and expiry that any says."""
    found: dict[str, Code] = {}
    for code in codes:
        known = found.get(code.gtin, code)
        batch, expiry = known.batch or code.batch, known.expiry or code.expiry
        found[code.gtin] = Code(code.gtin, batch, expiry)
    return tuple(found.values())


def _read_upright(grey: UInt8) -> tuple[Code, ...]:
    """Return the barcodes that are read once rotated: the reader misses bars at 45 degrees."""
    upright = (_cut_upright(grey, corners) for corners in _barcode_regions(grey))
    return _each_once(code for region in upright for code in _read(region, FORMATS))


@OPENCV.serialise_first_call
def _barcode_regions(grey: UInt8) -> list[Float32]:
    """Return the corners (4, 2) of the regions that have parallel bars in any direction."""
    found, corners = cv2.barcode.BarcodeDetector().detect(grey)
    return list(np.asarray(corners, np.float32)) if found else []


def _cut_upright(grey: UInt8, corners: Float32) -> UInt8:
    """Return a rotated region with its longer side horizontal, and a margin for the ends."""
    centre, size, angle = cv2.minAreaRect(corners)
    if size[0] < size[1]:
        size, angle = size[::-1], angle - 90
    width, height = max(1, round(size[0] * _MARGIN)), max(1, round(size[1]))
    rotation = cv2.getRotationMatrix2D(centre, angle, 1.0)
    rotation[:, 2] += np.subtract((width / 2, height / 2), centre)
    return np.asarray(cv2.warpAffine(grey, rotation, (width, height), borderValue=255), np.uint8)


def _code_of(barcode: Any) -> Code | None:
    """Return what a barcode says; Code 128 says an item only with application identifier 01."""
    symbology, text = barcode.symbology_identifier, barcode.text
    if symbology.startswith((*_SQUARE, "]C1")) or text.startswith("("):
        return code_of(text, elements=symbology in _ELEMENTS)
    gtin = None if symbology.startswith("]C") else gtin14(text)
    return None if gtin is None else Code(gtin)


@ZXING.serialise_first_call
def _symbols(grey: UInt8, formats: str, *, inverted: bool) -> list[Any]:
    """Return the barcodes that the reader detects, valid or not."""
    # Imported late: most programs read no barcode.
    import zxingcpp

    chosen = zxingcpp.barcode_formats_from_str(formats)
    # Its own search at half the size would be a second one.
    found = zxingcpp.read_barcodes(grey, formats=chosen, try_downscale=False, try_invert=inverted)
    return list(found)
