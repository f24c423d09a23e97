"""Products that differ by shade alone: drawn ones, recoloured ones, and a catalogue's own.

Each is a `Shade`: its studio picture, the picture to photograph, and the name of its line. The
shades of one line are alike but for their colour, and whatever words name it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from beautylens.arrays import Bool, Float64, UInt8
from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.features.colour.cielab import ciede2000, lab, linear
from beautylens.images.cutout import item_cover
from beautylens.images.decode import decode
from beautylens.images.fit import shrink
from beautylens.sample.forms import draw_product
from beautylens.sample.plan import SampleProduct, plan_sample
from beautylens.sample.stage import View

STEPS = (6.0, 25.0)
"""Bounds of CIEDE2000 between a colour and the shade that it is given."""
_FAINTEST, _SMALLEST, _LARGEST = 14.0, 0.03, 0.75
"""Least chroma of a colour that can be a shade, and the share of the item that it may cover."""

_SHADE_WORD = re.compile(
    r"(light|dark|deep|soft|rich|pale|cool|warm|hot|dusty|medium|natural|bare|darkest|jet|true|"
    r"black|brown|reddish|brownish|white|grey|gray|red|violet|purple|plum|pink|rose|coral|peach|"
    r"orange|nude|beige|ivory|gold|golden|silver|chrome|green|mint|blue|teal|mauve|wine|"
    r"burgundy|brick|mocha|spice|sachet|vanilla|sable|emotion|urban|clear|highlight|contour|and|"
    r"skin|translucent|shimmer|tinted|[a-z]*-?\d+[a-z]*|oz|ml|fl|g|&|/)\b"
)
_LEAST_STEP = 4.0
"""CIEDE2000 of the items' colours below which two pictures are copies rather than shades."""


@dataclass(frozen=True, slots=True)
class Shade:
    """One product of a line: its studio picture, and the view of it that a phone takes."""

    source: str
    line: str
    name: str
    picture: UInt8
    seen: UInt8


def drawn(seed: int) -> Iterator[Shade]:
    """Yield the shades of the sample catalogue; each photo has another camera position."""
    rng = np.random.default_rng(seed)
    for product in plan_sample(2026).products:
        if product.line.differ == "shade":
            yield _drawn(product, rng)


def _drawn(product: SampleProduct, rng: np.random.Generator) -> Shade:
    yaw, camera = float(rng.uniform(-0.4, 0.4)), float(rng.uniform(0.05, 0.18))
    form, pack = product.line.form, product.pack
    seen = draw_product(form, pack, View(yaw=yaw, camera=camera, shadow=False))
    line = f"{product.line.brand} {product.line.name}"
    return Shade("drawn", line, product.name, draw_product(form, pack), seen)


def recoloured(table: Path, seed: int, limit: int) -> Iterator[Shade]:
    """Yield catalogue pictures with a colour of their own, each beside a recoloured copy."""
    rng = np.random.default_rng(seed)
    catalogue = read_catalogue(table)
    rows = _coloured(catalogue)
    found = 0
    for position in rng.permutation(len(rows)):
        row = rows[position]
        picture = decode(catalogue.image_path(row["image"]))
        other = another_shade(picture, rng)
        if other is None:
            continue
        for name, shade in (("own", picture), ("other", other)):
            yield Shade("recoloured", row["image_id"], name, shade, shade)
        found += 1
        if found == limit:
            return


def _coloured(catalogue: Catalogue) -> list[dict[str, str]]:
    """Return the rows of products that come in shades."""
    return [row for row in catalogue.rows.to_pylist() if row["category"] in ("make-up", "nails")]


def another_shade(picture: UInt8, rng: np.random.Generator) -> UInt8 | None:
    """Return the picture with its item's main colour moved a shade aside; None without one."""
    colours = lab(linear(picture))
    mask = _main_colour(colours, item_cover(picture) > 0)
    if mask is None:
        return None
    middle = np.median(colours[mask > 0.5], axis=0)
    step = _step(middle, float(rng.uniform(*STEPS)), rng)
    return _from_lab(colours + mask[..., None] * step)


def _main_colour(colours: Float64, item: Bool) -> Float64 | None:
    """Return how much each pixel is of the item's most common chromatic colour, 0 to 1."""
    small = cv2.resize(colours, (96, 96), interpolation=cv2.INTER_AREA)
    inside = cv2.resize(item.astype(np.uint8), (96, 96), interpolation=cv2.INTER_NEAREST) > 0
    samples = (small[inside] * (0.4, 1, 1)).astype(np.float32)
    if len(samples) < 50:
        return None
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.5)
    _, labels, centres = cv2.kmeans(samples, 5, None, stop, 2, cv2.KMEANS_PP_CENTERS)
    shares = np.bincount(labels.ravel(), minlength=5) / len(labels)
    fit = (np.hypot(centres[:, 1], centres[:, 2]) >= _FAINTEST) & (shares >= _SMALLEST)
    if not fit.any():
        return None
    centre = centres[np.argmax(shares * fit)]
    far = np.linalg.norm(colours * (0.4, 1, 1) - centre, axis=-1)
    mask = np.clip(2 - far / 12, 0, 1) * item
    mask = cv2.GaussianBlur(mask, (0, 0), 1.0)
    return mask if _SMALLEST <= mask.sum() / item.sum() <= _LARGEST else None


def _step(middle: Float64, size: float, rng: np.random.Generator) -> Float64:
    """Return the way in CIELAB to a colour that lies a CIEDE2000 `size` from `middle`."""
    while True:
        way = rng.normal(0, (0.7, 1.0, 1.0))
        lengths = np.linspace(1, 80, 400)[:, None]
        colours = middle + lengths * way / np.linalg.norm(way)
        position = int(
            np.abs(ciede2000(np.broadcast_to(middle, colours.shape), colours) - size).argmin()
        )
        reached = colours[position]
        if 12 <= reached[0] <= 92 and 8 <= np.hypot(*reached[1:]) <= 85:
            return np.asarray(reached - middle)


def _from_lab(colours: Float64) -> UInt8:
    bgr = cv2.cvtColor(colours.astype(np.float32), cv2.COLOR_Lab2RGB)
    return np.asarray(np.clip(np.rint(bgr * 255), 0, 255), np.uint8)


def named(table: Path) -> Iterator[Shade]:
    """Yield the catalogue's own shades: of names that agree but for words of colour."""
    catalogue = read_catalogue(table)
    lines: dict[str, dict[str, Shade]] = defaultdict(dict)
    for row in _coloured(catalogue):
        line = " ".join(sorted(set(_bare(row["name"]))))
        if len(line.split()) < 2:
            continue
        picture = decode(catalogue.image_path(row["image"]))
        shade = Shade("named", line, row["product_id"], picture, picture)
        lines[line].setdefault(row["product_id"], shade)
    for shades in lines.values():
        yield from _told_apart(list(shades.values()))


def _bare(name: str) -> list[str]:
    """Return the words of a name that are not of its shade."""
    words = re.findall(r"[a-zàéèô'.&/#\d-]+", name.lower())
    return [word.strip(".") for word in words if not _SHADE_WORD.fullmatch(word.strip(".#"))]


def _told_apart(shades: list[Shade]) -> list[Shade]:
    """Return those of a line whose colours are no copies of an earlier one's."""
    kept: list[Shade] = []
    for shade in shades:
        if all(colour_step(shade.picture, other.picture) >= _LEAST_STEP for other in kept):
            kept.append(shade)
    return kept if len(kept) > 1 else []


def colour_step(left: UInt8, right: UInt8) -> float:
    """Return how far the colours of two items lie apart, by their most different quantiles."""
    found = []
    for picture in (shrink(left, 160)[0], shrink(right, 160)[0]):
        colours = lab(linear(picture))[item_cover(picture) > 0]
        found.append(np.quantile(colours, (0.1, 0.3, 0.5, 0.7, 0.9), axis=0))
    return float(ciede2000(*found).max())
