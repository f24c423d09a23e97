"""Flat labels of packs, before they are mapped onto a bottle or a box."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
from PIL import Image

from beautylens.arrays import UInt8
from beautylens.sample.colour import RGB, WHITE, mix, readable
from beautylens.sample.layouts import LAYOUTS
from beautylens.sample.pack import Pack
from beautylens.sample.sheet import Sheet, usual_words
from beautylens.sample.surfaces import SCALE


def print_label(
    pack: Pack, width: float, height: float, *, safe: float = 0.9, layout: str = ""
) -> UInt8:
    """Return the pack's label, (height, width, 3) uint8 RGB.

    Args:
        pack: text and colours.
        width: in pixels.
        height: in pixels.
        safe: share of the width that may have text; about half for a cylinder.
        layout: name of a layout; the pack's by default.
    """
    image = Image.new("RGB", (max(round(width), 8), max(round(height), 8)), pack.paper)
    margin_x, margin_y = image.width * (1 - safe) / 2, image.height * 0.06
    rect = (margin_x, margin_y, image.width - margin_x, image.height - margin_y)
    LAYOUTS[layout or pack.layout](Sheet(image, pack, rect))
    return np.asarray(image)


def wrap(pack: Pack, radius: float, height: float, layout: str = "") -> UInt8:
    """Return the label of the front half of a cylinder; sizes in pixels of the finished picture."""
    return print_label(pack, pi * radius * SCALE, height * SCALE, safe=0.53, layout=layout)


def back_label(pack: Pack, width: float, height: float) -> UInt8:
    """Return a carton's back: text at the top, and space for a barcode in the lowest third."""
    paper = mix(pack.paper, WHITE, 0.4)
    image = Image.new("RGB", (round(width), round(height)), paper)
    sheet = Sheet(image, pack, (width * 0.1, height * 0.06, width * 0.9, height * 0.66))
    sheet.draw.rectangle((0, 0, width, height * 0.025), fill=pack.accent)
    usual_words(sheet, sheet.safe, paper)
    return np.array(image)


def recoloured(pack: Pack, paper: RGB) -> Pack:
    """Return the pack with another paper, and ink and accent that are readable on it."""
    ink, accent = readable(pack.ink, paper), readable(pack.accent, paper)
    return replace(pack, paper=paper, ink=ink, accent=accent)
