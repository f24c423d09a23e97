"""Barcodes on pictures, drawn by the sample catalogue and by the reader's own writer."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from beautylens.sample.barcode import draw_barcode
from beautylens.text.codes import read_barcodes, read_codes
from beautylens.text.gs1 import Code, code_of

GTIN = "4006381333931"


def on_grey(symbol: np.ndarray) -> np.ndarray:
    scene = np.full((700, 900, 3), 140, np.uint8)
    height, width = symbol.shape[:2]
    scene[200 : 200 + height, 150 : 150 + width] = symbol
    return scene


@pytest.mark.parametrize("angle", [0, 17, 90, 135, 180])
def test_a_barcode_is_read_in_any_direction(angle: float) -> None:
    turn = cv2.getRotationMatrix2D((450, 350), angle, 1.0)
    scene = cv2.warpAffine(
        on_grey(draw_barcode(GTIN, 4, 240)), turn, (900, 700), borderValue=(140, 140, 140)
    )
    assert read_barcodes(scene) == (f"0{GTIN}",)


def test_a_blurred_noisy_barcode_is_read() -> None:
    scene = cv2.GaussianBlur(on_grey(draw_barcode(GTIN, 4, 240)), (0, 0), 1.6).astype(float)
    scene += np.random.default_rng(0).normal(0, 8, scene.shape)
    assert read_barcodes(scene.clip(0, 255).astype(np.uint8)) == (f"0{GTIN}",)


@pytest.mark.parametrize(
    ("kind", "text", "gtin"),
    [
        (zxingcpp.BarcodeFormat.UPCA, "036000291452", "00036000291452"),
        (zxingcpp.BarcodeFormat.UPCE, "01234565", "00012345000065"),
        (zxingcpp.BarcodeFormat.EAN8, "96385074", "00000096385074"),
        (zxingcpp.BarcodeFormat.ITF, "15400141288763", "15400141288763"),
        (zxingcpp.BarcodeFormat.DataBar, "(01)09501101530003", "09501101530003"),
    ],
)
def test_other_symbols_say_their_gtin(kind: object, text: str, gtin: str) -> None:
    code = zxingcpp.create_barcode(text, kind)
    grey = np.array(zxingcpp.write_barcode_to_image(code, scale=4, add_quiet_zones=True))
    assert read_barcodes(np.repeat(grey[:, :, None], 3, axis=2)) == (gtin,)


def test_codes_without_a_gtin_say_nothing() -> None:
    code = zxingcpp.create_barcode(GTIN, zxingcpp.BarcodeFormat.Code128)
    grey = np.array(zxingcpp.write_barcode_to_image(code, scale=4, add_quiet_zones=True))
    assert read_barcodes(np.repeat(grey[:, :, None], 3, axis=2)) == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (8, 8, 3), (3, 4000, 3), (600, 600, 3)])
def test_a_blank_picture_of_any_size_says_nothing(shape: tuple[int, ...]) -> None:
    assert read_barcodes(np.full(shape, 255, np.uint8)) == ()


def test_a_square_code_beside_a_barcode_is_read_too() -> None:
    scene = on_grey(draw_barcode(GTIN, 4, 240))
    assert read_codes(scene) == (Code(f"0{GTIN}"),)
    made = zxingcpp.create_barcode(LINK, zxingcpp.BarcodeFormat.DataMatrix)
    square = np.array(zxingcpp.write_barcode_to_image(made, scale=4, add_quiet_zones=True))
    scene[480 : 480 + square.shape[0], 600 : 600 + square.shape[1]] = square[:, :, None]
    assert read_codes(scene) == (Code(f"0{GTIN}", "A1", "2027-01-31"),)


LINK = "https://shop.example/01/04006381333931/10/A1?17=270131"


@pytest.mark.parametrize("kind", [zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.DataMatrix])
@pytest.mark.parametrize(
    ("text", "gtins"),
    [
        (GTIN, (f"0{GTIN}",)),
        (LINK, (f"0{GTIN}",)),
        ("(01)04006381333931(10)A1(17)270131", (f"0{GTIN}",)),
        ("https://shop.example/soap?id=4006381333931", ()),
        ("LOT 96385074", ()),
    ],
)
def test_a_square_code_says_the_gtin_that_it_has(
    kind: object, text: str, gtins: tuple[str, ...]
) -> None:
    code = zxingcpp.create_barcode(text, kind)
    grey = np.array(zxingcpp.write_barcode_to_image(code, scale=8, add_quiet_zones=True))
    assert read_barcodes(np.repeat(grey[:, :, None], 3, axis=2)) == gtins


@pytest.mark.parametrize(
    ("text", "elements", "code"),
    [
        ("010400638133393110A1", True, Code(f"0{GTIN}", "A1")),
        ("010400638133393110A1", False, None),
        ("10A1\x1d0104006381333931", True, Code(f"0{GTIN}", "A1")),
        ("0104006381333931172701312112\x1d10B/2", True, Code(f"0{GTIN}", "B/2", "2027-01-31")),
        ("0104006381333930", True, None),
        ("(02)04006381333931(37)12", False, Code(f"0{GTIN}")),
        ("(01)04006381333931(15)280200(10) A 1", False, Code(f"0{GTIN}", "A 1", "2028-02-29")),
        ("(01)04006381333931(17)271331", False, Code(f"0{GTIN}")),
        ("HTTPS://id.gs1.org/gtin/4006381333931", False, Code(f"0{GTIN}")),
        ("https://example.com/a/01/036000291452/21/9", False, Code("00036000291452")),
        (LINK, False, Code(f"0{GTIN}", "A1", "2027-01-31")),
        ("https://example.com/01/4006381333930", False, None),
        ("https://example.com/01", False, None),
        ("http://[/01/4006381333931", False, None),
        ("01/4006381333931", False, None),
        ("", True, None),
    ],
)
def test_an_element_string_or_a_link_says_its_item_batch_and_expiry(
    text: str, elements: bool, code: Code | None
) -> None:
    assert code_of(text, elements=elements) == code


@given(st.text("0137\x1d()/:.hgtps", max_size=40), st.booleans())
def test_any_text_can_stand_in_a_code(text: str, elements: bool) -> None:
    code = code_of(text, elements=elements)
    assert code is None or len(code.gtin) == 14
