"""A photo that is searched with, and what all steps of the search know of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from beautylens.errors import ImageError
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.decode import Decode, DecodeOptions, decode_scaled
from beautylens.images.fit import Box, crop, is_blank
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.sources import Picture, name_of
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


def read_photo(
    picture: Picture,
    least_side: int,
    *,
    where: str | None = None,
    words: str = "",
    crop_to: Box | None = None,
    limits: Limits = DEFAULT_LIMITS,
    decode: Decode = decode_scaled,
) -> Photo:
    """Return a photo to search with, decoded and cropped.

    Args:
        picture: a path, the bytes of a file, an open file, an RGB array or a PIL image.
        least_side: pixels of the longer side that are of use.
        where: SQL condition that every match must meet.
        words: what the user typed to narrow the search.
        crop_to: the part of the upright picture that shows the item, in pixels.
        limits: what the picture may cost.
        decode: decodes it.

    Raises:
        ImageError: when the picture cannot be read, or is one colour all over.
        QueryError: when the crop lies outside the picture.
    """
    start = time.perf_counter()
    # A part of the picture may be small, so the whole is decoded as large as the limits allow.
    wanted = None if crop_to else least_side
    decoded = decode(picture, DecodeOptions("the photo", limits, wanted))
    pixels = decoded.pixels
    if crop_to is not None:
        pixels = crop(pixels, crop_to.scaled(decoded.scale))
    if is_blank(pixels):
        name = name_of(picture, "the photo")
        raise ImageError(f"{name} is one colour all over; take one that shows the product")
    return Photo(pixels, where, words, (time.perf_counter() - start) * 1000)


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
        """The lines of text on the photo, read on first use."""
        return self.reader()(self.pixels)

    @property
    def was_read(self) -> bool:
        """Whether the lines of text on the photo were read."""
        return "lines" in self.__dict__

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """The GTINs, of fourteen digits, of the barcodes on the photo, read on first use."""
        return read_barcodes(self.pixels)
