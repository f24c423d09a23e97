"""Random design of a product line, and the packs of its products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beautylens.sample.barcode import with_check_digit
from beautylens.sample.brands import BRANDS
from beautylens.sample.colour import RGB, WHITE, mix, readable
from beautylens.sample.lines import Line, Version
from beautylens.sample.pack import Brand, Pack

_LAYOUTS = (
    "arched",
    "banded",
    "centred",
    "framed",
    "medallion",
    "plate",
    "poster",
    "sidebar",
    "split",
)
_PATTERNS = (
    "dots",
    "hoops",
    "petals",
    "rays",
    "ripples",
    "scallops",
    "sprigs",
    "stripes",
    "terrazzo",
)


@dataclass(frozen=True, slots=True)
class Design:
    """The design that all packs of a line share."""

    paper: RGB
    accent: RGB
    layout: str
    pattern: str
    build: float
    seed: int


def design_line(line: Line, rng: np.random.Generator) -> Design:
    """Return a random design of a line, often with the brand's paper, layout and pattern."""
    brand = BRANDS[line.brand]
    papers = _papers(brand)
    paper = papers[int(rng.choice(len(papers), p=(0.5, 0.18, 0.16, 0.16)))]
    return Design(
        paper=paper,
        accent=brand.accent if paper != brand.accent else brand.paper,
        layout=brand.layout if rng.random() < 0.55 else str(rng.choice(_LAYOUTS)),
        pattern=brand.pattern if rng.random() < 0.6 else str(rng.choice(_PATTERNS)),
        build=float(rng.random()),
        seed=int(rng.integers(1 << 16)),
    )


def _papers(brand: Brand) -> tuple[RGB, ...]:
    return (
        brand.paper,
        mix(brand.paper, brand.accent, 0.25),
        mix(brand.paper, WHITE, 0.6),
        brand.accent,
    )


def make_pack(line: Line, version: Version, design: Design, gtin: str) -> Pack:
    """Return the pack of one version: shades change the fill only, variants also the accent."""
    brand = BRANDS[line.brand]
    tint = 0.65 if line.differ == "variant" else 0.0
    return Pack(
        brand=brand,
        line=line.name,
        kind=line.kind,
        shade=version.label,
        size=version.size,
        gtin=gtin,
        paper=design.paper,
        ink=readable(brand.ink, design.paper),
        accent=mix(design.accent, version.colour, tint),
        fill=version.colour,
        layout=design.layout,
        pattern=design.pattern,
        build=design.build,
        scale=version.scale,
        seed=design.seed,
    )


def in_store_gtin(brand: str, line: int, version: int) -> str:
    """Return a GTIN-13 of the range 200-299, which GS1 reserves for use within a shop."""
    return with_check_digit(f"2{list(BRANDS).index(brand):02d}{line:04d}{version:05d}")
