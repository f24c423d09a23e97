"""Decode any picture a person may have into upright 8-bit sRGB, or say why that cannot be done."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from beautylens.addresses import Remote
from beautylens.errors import ImageError
from beautylens.images.budget import Budget
from beautylens.images.files import check_bytes, read_bytes
from beautylens.images.formats import FORMATS, HEAD_BYTES, names, suffix_of
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.quiet import quiet
from beautylens.images.structure.file import ExcessError
from beautylens.images.tones import has_plain_ink, srgb
from beautylens.images.upright import DAMAGE, orientation_of, upright
from beautylens.native import OPENCV

Pixels: TypeAlias = NDArray[np.uint8]
Picture: TypeAlias = str | Path | Remote | bytes | Pixels | Image.Image

MEMORY = Budget(4 << 30)
"""Bytes that all decodes of this process may take at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A picture (H, W, 3) uint8 RGB, and its size over that of the file's own picture."""

    pixels: Pixels
    scale: float = 1.0


def decode(
    source: Picture,
    *,
    name: str = "picture",
    limits: Limits = DEFAULT_LIMITS,
    least_side: int | None = None,
) -> Pixels:
    """Return the picture upright in sRGB, transparent parts on white.

    EXIF orientation and the embedded colour profile are applied; of several frames the first is
    taken. Nothing is fetched from the network but what is given as a `Remote`.

    Args:
        source: a file, its bytes, an RGB array, or a Pillow image.
        name: what errors call a source that is not a file.
        limits: costs beyond which the picture is refused before it is decoded. A JPEG of too many
            pixels is decoded at 1/2, 1/4 or 1/8 of its size.
        least_side: lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its size, as long as its longer
            side keeps this many pixels.

    Returns:
        (H, W, 3) uint8, contiguous.

    Raises:
        ImageError: when the source is no picture, is damaged, or breaks a limit.
    """
    return decode_scaled(source, name=name, limits=limits, least_side=least_side).pixels


def decode_scaled(
    source: Picture,
    *,
    name: str = "picture",
    limits: Limits = DEFAULT_LIMITS,
    least_side: int | None = None,
    hold: Callable[[int], AbstractContextManager[None]] = MEMORY.holding,
) -> Decoded:
    """Return the picture as `decode` does, with the scale at which it was decoded.

    Args:
        source: as for `decode`.
        name: as for `decode`.
        limits: as for `decode`.
        least_side: as for `decode`.
        hold: holds so many bytes of memory while the picture is decoded.

    Raises:
        ImageError: as `decode` does.
    """
    if isinstance(source, np.ndarray):
        return Decoded(_checked_array(source, name, limits))
    if isinstance(source, str | Path | Remote):
        name, source = str(source), read_bytes(source, limits)
    if isinstance(source, Image.Image):
        opened = _Opened(source)
        _check_size(source.width, source.height, name, limits.max_pixels, limits.min_side)
    else:
        opened = _open(source, name, limits, least_side)
    picture = opened.picture
    if picture.mode in ("I", "F"):
        raise ImageError(
            f"{name} has 32 bits a channel, which say not how bright white is; save it with 8 or 16"
        )
    needed = _needed_bytes(opened)
    if needed > limits.max_decoded:
        raise ImageError(
            f"{name} takes {needed:,} bytes of memory to be decoded where at most "
            f"{limits.max_decoded:,} are allowed; save it smaller"
        )
    with hold(needed), _readable(name):
        _load(picture)
        return Decoded(upright(_pixels(picture), orientation_of(picture)), opened.scale)


def _check_size(width: int, height: int, name: str, most: int, min_side: int) -> None:
    if width * height > most:
        raise ImageError(
            f"{name} has {width} x {height} pixels where at most {most:,} in all are allowed; "
            "save it smaller"
        )
    if min(width, height) < min_side:
        raise ImageError(
            f"{name} has {width} x {height} pixels where each side needs at least "
            f"{min_side}; use a larger picture"
        )


def _checked_array(pixels: Pixels, name: str, limits: Limits) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(
            f"{name} is an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give RGB as (height, width, 3) uint8"
        )
    _check_size(pixels.shape[1], pixels.shape[0], name, limits.max_pixels, limits.min_side)
    return np.ascontiguousarray(pixels)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A picture whose header has been read, and what decoding takes beside its pixels."""

    picture: Image.Image
    scale: float = 1.0
    native: int = 0
    working: int = 0


def _open(data: bytes, name: str, limits: Limits, least_side: int | None) -> _Opened:
    """Read the header only; the pixels follow once what they cost is known to be allowed."""
    check_bytes(len(data), name, limits)
    kind = suffix_of(data[:HEAD_BYTES])
    if kind is None or kind not in limits.kinds:
        raise _no_picture(data, name, kind, limits)
    this, most = FORMATS[kind], limits.max_jpeg_pixels if kind == ".jpg" else limits.max_pixels
    try:
        structure = this.count(data, limits)
    except ExcessError as error:
        raise ImageError(f"{name} {error}; save it again as JPEG or PNG") from error
    if structure.size is not None:
        _check_size(*structure.size, name, most, limits.min_side)
    with _readable(name), quiet():
        picture = this.open(io.BytesIO(structure.data))
    _check_size(picture.width, picture.height, name, most, limits.min_side)
    factor = 1
    if isinstance(picture, JpegImageFile):
        factor = _reduce(picture, least_side, limits.max_pixels)
    return _Opened(picture, 1 / factor, this.native, structure.working)


def _no_picture(data: bytes, name: str, kind: str | None, limits: Limits) -> ImageError:
    wanted = names(limits.kinds)
    if kind is not None:
        return ImageError(
            f"{name} is a {FORMATS[kind].name} file, which is not taken here; save it as {wanted}"
        )
    found = "a web page or other text" if data.lstrip()[:1] in (b"<", b"{") else "no known picture"
    return ImageError(f"{name} holds {found}; give a {wanted} file")


# Bytes that Pillow keeps of a pixel; the modes that are not named have four.
_KEPT_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
# Of the array that is returned, and of the one before it was turned upright.
_ARRAY_BYTES = 3 + 3


def _needed_bytes(opened: _Opened) -> int:
    """Return the memory that decoding takes at its peak, by the header of the file."""
    width, height = opened.picture.size
    pixel = _KEPT_BYTES.get(opened.picture.mode, 4) + _ARRAY_BYTES + opened.native
    return width * height * pixel + opened.working


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} claims too many pixels to be decoded; save it smaller") from error
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{name} cannot be decoded ({reason}); it is damaged or cut short, so export or "
            "download it again"
        ) from error


def _reduce(picture: JpegImageFile, least_side: int | None, max_pixels: int) -> int:
    """Ask libjpeg for one of its smaller sizes; return by how much sides are divided.

    It is the smallest whose longer side is long enough, or the largest that has few enough pixels
    where that is smaller still.
    """

    def fits(factor: int) -> bool:
        return math.prod(math.ceil(side / factor) for side in picture.size) <= max_pixels

    long = max(picture.size)
    wanted = [by for by in (8, 4, 2) if least_side and math.ceil(long / by) >= least_side]
    allowed = [by for by in (1, 2, 4, 8) if fits(by)]
    factor = max(next(iter(wanted), 1), next(iter(allowed), 8))
    if factor > 1:
        size = (max(1, picture.width // factor), max(1, picture.height // factor))
        picture.draft(None, size)
    return factor


def _load(picture: Image.Image) -> None:
    if isinstance(picture, TiffImageFile):
        # Pillow reads the metadata of a TIFF while it loads it, and turns it upright itself.
        with quiet():
            picture.load()
    else:
        picture.load()


_STRIP_BYTES = 1 << 20


def _pixels(picture: Image.Image) -> Pixels:
    """Bring a loaded picture to sRGB and copy it out of Pillow.

    Pillow keeps four bytes a pixel, and `np.asarray` on a large image costs as much as decoding
    it. Arrow shows a small image without a copy, so the picture goes strip by strip; so do its
    tones, of which no second large image is ever made.
    """
    width, height = picture.size
    plain_ink = has_plain_ink(picture)
    rows = max(1, min(height, _STRIP_BYTES // (4 * width)))
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = srgb(picture.crop((0, top, width, bottom)), plain_ink=plain_ink)
        _copy(strip, pixels[top:bottom])
    return pixels


@OPENCV.first_call_alone
def _copy(strip: Image.Image, pixels: Pixels) -> None:
    """Write a small RGB image into an array of its size."""
    seen = pa.array(strip).flatten().to_numpy().reshape(*pixels.shape[:2], 4)
    cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB, dst=pixels)
