"""Text, colours and brand of a pack."""

from __future__ import annotations

from dataclasses import dataclass

from beautylens.sample.colour import BLACK_PLASTIC, RGB, WHITE_PLASTIC
from beautylens.sample.lettering import Lettering


@dataclass(frozen=True, slots=True)
class Brand:
    """An invented brand: name, type style, emblem, colours and default layout."""

    name: str
    motto: str
    lettering: Lettering
    emblem: str
    paper: RGB
    ink: RGB
    accent: RGB
    metal: RGB
    layout: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Pack:
    """All that a form needs to draw one product.

    fill is the colour of the content, or of the shade; build (0 to 1) varies the proportions of the
    line's packs; scale is the size relative to the largest of the line; seed is that of the line,
    equal for all shades, so that only colour and text differ.
    """

    brand: Brand
    line: str
    kind: str
    shade: str
    size: str
    gtin: str
    paper: RGB
    ink: RGB
    accent: RGB
    fill: RGB
    layout: str
    pattern: str
    build: float
    scale: float
    seed: int

    @property
    def cap(self) -> tuple[str, RGB]:
        """Material and colour of the line's caps."""
        choices: tuple[tuple[str, RGB], ...] = (
            ("metal", self.brand.metal),
            ("gloss", self.accent),
            ("satin", WHITE_PLASTIC),
            ("gloss", BLACK_PLASTIC),
        )
        return choices[self.seed % len(choices)]
