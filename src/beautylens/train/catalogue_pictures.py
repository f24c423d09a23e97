"""The pictures of a catalogue in order, with the products that they show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Intp
from beautylens.paths import Place


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """The pictures of a catalogue that can be read, in order."""

    paths: tuple[Place, ...]
    products: tuple[str, ...]
    titles: tuple[str, ...]

    @property
    def numbers(self) -> Intp:
        """The number of the product of each picture."""
        known = {product: number for number, product in enumerate(dict.fromkeys(self.products))}
        return np.array([known[product] for product in self.products], np.intp)

    @property
    def places(self) -> dict[str, list[int]]:
        """The places of each product's pictures."""
        found: dict[str, list[int]] = {}
        for place, product in enumerate(self.products):
            found.setdefault(product, []).append(place)
        return found
