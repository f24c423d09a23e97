"""The photo of a search, and its description for all steps."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property

from beautylens.arrays import Float32, UInt8
from beautylens.errors import ImageError, QueryError
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.decode import Decode, DecodeOptions, decode_scaled
from beautylens.images.fit import Box, crop, is_blank
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.sources import Picture, name_of
from beautylens.inputs.several import one_text
from beautylens.text.codes import read_codes
from beautylens.text.gs1 import Code
from beautylens.text.ocr import Line, Reads, shared_reader


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded photo with the words and condition of the user.

    Args:
        pixels: (H, W, 3) uint8 RGB, cropped.
        where: SQL condition that every match must meet.
        words: typed by the user to narrow the search.
        milliseconds: spent on decoding.
        scale: pixels here for each pixel of the picture that was given.
    """

    pixels: UInt8 = field(repr=False)
    where: str | None = None
    words: str = ""
    milliseconds: float = 0.0
    scale: float = 1.0


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
        least_side: least pixels of the longer side after decoding, if the file has as many.
        where: SQL condition that every match must meet.
        words: typed by the user to narrow the search.
        crop_to: the part of the upright picture that shows the item, in pixels.
        limits: on the size of the picture.
        decode: decodes it.

    Raises:
        ImageError: when the picture cannot be read, or has a single colour.
        QueryError: when the words are not a text, or the crop is not a box inside the picture.
    """
    check_types(words, crop_to)
    start = time.perf_counter()
    # The crop may be small, so the picture is decoded at the largest size within the limits.
    wanted = None if crop_to else least_side
    decoded = decode(picture, DecodeOptions("the photo", limits, wanted))
    pixels = decoded.pixels
    if crop_to is not None:
        pixels = crop(pixels, crop_to.scaled(decoded.scale))
    if is_blank(pixels):
        name = name_of(picture, "the photo")
        raise ImageError(f"{name} has a single colour; take one that shows the product")
    return Photo(pixels, where, words, (time.perf_counter() - start) * 1000, decoded.scale)


def check_types(words: str, crop_to: Box | None) -> None:
    """Raise unless the words are one text and the crop is a box.

    Raises:
        QueryError: when one is of another type, such as a list of words or a tuple.
    """
    one_text(words, "words")
    if crop_to is not None and not isinstance(crop_to, Box):
        raise QueryError(
            f"crop_to is of type {type(crop_to).__name__}; give a Box(x, y, width, height)"
        )


@dataclass(frozen=True, eq=False)
class Query:
    """A photo described once, for all steps of a search.

    Args:
        photo: the photo.
        descriptor: (D,) float32, unit length.
        keypoints: None if the recipe uses none.
        vlad: (D,) float32, unit length, of the keypoints; None without keypoints.
        limit: number of products to return.
        reader: returns the OCR.
    """

    photo: Photo
    descriptor: Float32
    keypoints: Keypoints | None = None
    vlad: Float32 | None = None
    limit: int = 7
    reader: Callable[[], Reads] = shared_reader

    @property
    def pixels(self) -> UInt8:
        """The photo, (H, W, 3) uint8 RGB."""
        return self.photo.pixels

    @property
    def where(self) -> str | None:
        """SQL condition that every match must meet."""
        return self.photo.where

    def filtered(self, where: str | None) -> Query:
        """Return the same query with another condition; what was read on the photo is kept."""
        filtered = copy(self)
        object.__setattr__(filtered, "photo", replace(self.photo, where=where))
        return filtered

    @property
    def words(self) -> str:
        """Words that the user typed to narrow the search."""
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
        return tuple(code.gtin for code in self.code_details)

    @cached_property
    def code_details(self) -> tuple[Code, ...]:
        """What the barcodes on the photo say, read on first use."""
        return read_codes(self.pixels)
