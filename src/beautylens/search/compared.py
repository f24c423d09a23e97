"""What a comparison of colours was made of and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from beautylens.features.colour.alignment import Laid
from beautylens.features.colour.difference import Shades
from beautylens.results import Match


@dataclass(frozen=True, slots=True)
class Compared:
    """The pictures that were compared, laid over the first, and what their colours say."""

    matches: tuple[Match, ...]
    photo: Laid
    pictures: tuple[Laid, ...]
    shades: Shades
