"""Labels: a pack's print, flat, before it is wrapped around a bottle or folded into a box."""

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
        pack: the words and colours.
        width: pixels.
        height: pixels.
        safe: share of the width that may carry words, about half where the sheet wraps a cylinder.
        layout: the name of a layout that replaces the pack's own.
    """
    image = Image.new("RGB", (max(round(width), 8), max(round(height), 8)), pack.paper)
    margin_x, margin_y = image.width * (1 - safe) / 2, image.height * 0.06
    rect = (margin_x, margin_y, image.width - margin_x, image.height - margin_y)
    LAYOUTS[layout or pack.layout](Sheet(image, pack, rect))
    return np.asarray(image)


def wrap(pack: Pack, radius: float, height: float, layout: str = "") -> UInt8:
    """Return the label for the front half-turn of a cylinder, sizes in finished-picture pixels."""
    return print_label(pack, pi * radius * SCALE, height * SCALE, safe=0.53, layout=layout)


def back_label(pack: Pack, width: float, height: float) -> UInt8:
    """Return a carton's back: words on top, and room for a barcode in the lowest third."""
    paper = mix(pack.paper, WHITE, 0.4)
    image = Image.new("RGB", (round(width), round(height)), paper)
    sheet = Sheet(image, pack, (width * 0.1, height * 0.06, width * 0.9, height * 0.66))
    sheet.draw.rectangle((0, 0, width, height * 0.025), fill=pack.accent)
    usual_words(sheet, sheet.safe, paper)
    return np.array(image)


def recoloured(pack: Pack, paper: RGB) -> Pack:
    """Return the pack printed on another paper, with ink and accent that can be read on it."""
    ink, accent = readable(pack.ink, paper), readable(pack.accent, paper)
    return replace(pack, paper=paper, ink=ink, accent=accent)
