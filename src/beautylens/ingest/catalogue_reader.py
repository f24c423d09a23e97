"""OCR of catalogue pictures, for products with little text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from beautylens.text.ocr import Reads
from beautylens.text.tokens import is_exact, tokens_of

# Number of different words from which on a product is identified by its text.
MIN_WORDS = 2


class CatalogueReader:
    """Reads the words on catalogue pictures.

    Args:
        reader: returns the OCR.
        nameless: whether only pictures of products with little text in brand and name are read.
    """

    def __init__(self, reader: Callable[[], Reads], *, nameless: bool) -> None:
        self._reader, self._nameless = reader, nameless

    def __call__(self, row: Mapping[str, str], picture: NDArray[np.uint8]) -> str:
        """Return the lines on a row's picture, (H, W, 3) uint8; empty if it is not read."""
        if self._nameless and identifies(f"{row['brand']} {row['name']}"):
            return ""
        return "\n".join(line.text for line in self._reader()(picture))


def identifies(text: str) -> bool:
    """Return whether a text has enough words to identify a product; numbers do not count."""
    return (
        len({key for key, _ in tokens_of(text) if len(key) >= 3 and not is_exact(key)}) >= MIN_WORDS
    )
