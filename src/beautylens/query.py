"""A photo that is searched with, and what all steps of the search know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from beautylens.features.local.keypoints import Keypoints
from beautylens.text.codes import read_barcodes
from beautylens.text.ocr import Line, Reads, shared_reader


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded photo and what the user asked beside it.

    Args:
        pixels: (H, W, 3) uint8 RGB, cropped where the user cropped it.
        where: SQL condition that every match must meet.
        words: what the user typed to narrow the search.
        milliseconds: spent on decoding.
    """

    pixels: NDArray[np.uint8]
    where: str | None = None
    words: str = ""
    milliseconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Query:
    """A photo described once, for all steps of a search.

    Args:
        photo: what was described.
        descriptor: (D,) float32, unit length.
        keypoints: None where the recipe takes none.
        vlad: (D,) float32, unit length, the keypoints as one vector; None without any.
        limit: how many products are wanted.
        reader: returns what reads the words on the pack.
    """

    photo: Photo
    descriptor: NDArray[np.float32]
    keypoints: Keypoints | None = None
    vlad: NDArray[np.float32] | None = None
    limit: int = 7
    reader: Callable[[], Reads] = shared_reader

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The photo, (H, W, 3) uint8 RGB."""
        return self.photo.pixels

    @property
    def where(self) -> str | None:
        """SQL condition that every match must meet."""
        return self.photo.where

    @property
    def words(self) -> str:
        """What the user typed to narrow the search."""
        return self.photo.words

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines of text on the photo, read when they are first asked for."""
        return self.reader()(self.pixels)

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The GTINs, of fourteen digits, of the barcodes on the photo, read on first use."""
        return read_barcodes(self.pixels)
