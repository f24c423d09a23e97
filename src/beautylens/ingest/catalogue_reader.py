"""Reading the words on catalogue pictures, for products whose texts say little."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from beautylens.text.ocr import Reads
from beautylens.text.tokens import is_exact, tokens_of

# Fewer different words than this say little of a product.
TELLING = 2


class CatalogueReader:
    """Reads the print on catalogue pictures, for products whose texts say little.

    Args:
        reader: returns what reads a picture.
        nameless: whether pictures of products with a telling brand or name are left unread.
    """

    def __init__(self, reader: Callable[[], Reads], *, nameless: bool) -> None:
        self._reader, self._nameless = reader, nameless

    def __call__(self, row: Mapping[str, str], picture: NDArray[np.uint8]) -> str:
        """Return the lines on a row's picture, (H, W, 3) uint8; nothing where it is left unread."""
        if self._nameless and says_enough(f"{row['brand']} {row['name']}"):
            return ""
        return "\n".join(line.text for line in self._reader()(picture))


def says_enough(text: str) -> bool:
    """Tell whether a text has words enough to know a product by; numbers are no words."""
    return (
        len({key for key, _ in tokens_of(text) if len(key) >= 3 and not is_exact(key)}) >= TELLING
    )
