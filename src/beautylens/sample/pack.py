"""What is printed on one pack: the brand's identity and the product's own words and colours."""

from __future__ import annotations

from dataclasses import dataclass

from beautylens.sample.colour import BLACK_PLASTIC, RGB, WHITE_PLASTIC
from beautylens.sample.lettering import Lettering


@dataclass(frozen=True, slots=True)
class Brand:
    """An invented brand: how it writes its name, its mark, its colours and its habits of layout."""

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
    """All that a form needs to draw one product: words, colours, and the line's own build."""

    brand: Brand
    line: str
    kind: str
    shade: str
    size: str
    gtin: str
    paper: RGB
    ink: RGB
    accent: RGB
    # Colour of what is inside, or of the shade.
    fill: RGB
    layout: str
    pattern: str
    # 0 to 1: the line's place between a form's squat and slender, plain and ornate variants.
    build: float
    # Size of the pack relative to its line's largest.
    scale: float
    # The line's own seed, the same for all its shades, so that only colour and words differ.
    seed: int

    @property
    def cap(self) -> tuple[str, RGB]:
        """Material and colour of the line's caps: metal, the accent, white or black."""
        choices: tuple[tuple[str, RGB], ...] = (
            ("metal", self.brand.metal),
            ("gloss", self.accent),
            ("satin", WHITE_PLASTIC),
            ("gloss", BLACK_PLASTIC),
        )
        return choices[self.seed % len(choices)]
