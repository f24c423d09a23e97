"""Decoding of picture files, arrays and Pillow images into upright 8-bit sRGB."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from beautylens.arrays import UInt8
from beautylens.errors import ImageError
from beautylens.images.budget import Budget
from beautylens.images.files import check_bytes
from beautylens.images.formats import FORMATS, HEAD_BYTES, names, suffix_of
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.quiet import quiet
from beautylens.images.sources import Picture, content_of, name_of
from beautylens.images.structure.file import ExcessError
from beautylens.images.tones import pixels_of
from beautylens.images.upright import DAMAGE, orientation_of, upright

# Memory that all decodes of this process may take at the same time.
MEMORY = Budget(4 << 30)


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A decoded picture (H, W, 3) uint8 RGB, and its scale relative to the file's picture."""

    pixels: UInt8
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """How a picture is decoded.

    Args:
        name: of a source without a path, for error messages.
        limits: largest cost of the picture, checked before it is decoded. A JPEG with too many
            pixels is decoded at 1/2, 1/4 or 1/8 of its size.
        least_side: allows a JPEG to be decoded at 1/2, 1/4 or 1/8 of its size, if its longer side
            keeps this many pixels.
    """

    name: str = "picture"
    limits: Limits = DEFAULT_LIMITS
    least_side: int | None = None


DEFAULT_OPTIONS = DecodeOptions()

# What decodes a picture, in this process or another one.
Decode: TypeAlias = Callable[[Picture, DecodeOptions], Decoded]


def decode(
    source: Picture,
    *,
    name: str = DEFAULT_OPTIONS.name,
    limits: Limits = DEFAULT_OPTIONS.limits,
    least_side: int | None = DEFAULT_OPTIONS.least_side,
) -> UInt8:
    """Return the picture upright in sRGB, transparent pixels on white.

    EXIF orientation and the embedded colour profile are applied; of several frames the first is
    used. Only a source given as `RemotePath` is downloaded.

    Args:
        source: a path, the bytes of a file, an open file, an RGB array, or a Pillow image.
        name: as in `DecodeOptions`.
        limits: as in `DecodeOptions`.
        least_side: as in `DecodeOptions`.

    Returns:
        (H, W, 3) uint8, contiguous.

    Raises:
        ImageError: when the source is not a picture, is damaged, or exceeds a limit.
    """
    return decode_scaled(source, DecodeOptions(name, limits, least_side)).pixels


def decode_scaled(
    source: Picture,
    options: DecodeOptions = DEFAULT_OPTIONS,
    *,
    hold: Callable[[int], AbstractContextManager[None]] = MEMORY.holding,
) -> Decoded:
    """Return the picture as `decode` does, and the scale at which it was decoded.

    Args:
        source: as for `decode`.
        options: name, limits and the least size.
        hold: reserves that many bytes of memory while the picture is decoded.

    Raises:
        ImageError: as `decode` does.
    """
    name, limits = name_of(source, options.name), options.limits
    content = content_of(source, name, limits)
    if isinstance(content, np.ndarray):
        return Decoded(_checked_array(content, name, limits))
    with ExitStack() as held:
        opened = _opened(
            content, name, limits, options.least_side, lambda size: held.enter_context(hold(size))
        )
        with _readable(name):
            _load(opened.picture)
            pixels = pixels_of(opened.picture)
            return Decoded(upright(pixels, orientation_of(opened.picture)), opened.scale)


def _check_size(size: tuple[int, int], name: str, most: int, min_side: int) -> None:
    width, height = size
    if width * height > most:
        raise ImageError(
            f"{name} has {width} x {height} pixels, more than {most:,}; save it smaller"
        )
    if min(width, height) < min_side:
        raise ImageError(
            f"{name} has {width} x {height} pixels; each side needs at least {min_side}; use a "
            "larger picture"
        )


def _checked_array(pixels: UInt8, name: str, limits: Limits) -> UInt8:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(
            f"{name} is an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give RGB as (height, width, 3) uint8"
        )
    size = (pixels.shape[1], pixels.shape[0])
    _check_size(size, name, limits.max_pixels, limits.min_side)
    return np.ascontiguousarray(pixels)


@dataclass(frozen=True, slots=True)
class _Opened:
    """A picture whose header has been read, and its scale."""

    picture: Image.Image
    scale: float = 1.0


def _opened(
    source: bytes | Image.Image,
    name: str,
    limits: Limits,
    least_side: int | None,
    take: Callable[[int], object],
) -> _Opened:
    """Read the header and reserve memory; the pixels are loaded later."""
    if isinstance(source, Image.Image):
        _check_size(source.size, name, limits.max_pixels, limits.min_side)
        _check_depth(source, name)
        take(_needed_bytes(source.size, source.mode, name, limits))
        return _Opened(source)
    check_bytes(len(source), name, limits)
    kind = suffix_of(source[:HEAD_BYTES])
    if kind is None or kind not in limits.kinds:
        raise _unsupported(source, name, kind, limits)
    file_format = FORMATS[kind]
    most = limits.max_jpeg_pixels if kind == ".jpg" else limits.max_pixels
    try:
        structure = file_format.count(source, limits)
    except ExcessError as error:
        raise ImageError(f"{name} {error}; save it again as JPEG or PNG") from error
    beside = {"native": file_format.native, "working": structure.working}
    if structure.size is not None:
        _check_size(structure.size, name, most, limits.min_side)
        take(_needed_bytes(structure.size, "RGBA", name, limits, **beside))
    with _readable(name), quiet():
        picture = file_format.open(io.BytesIO(structure.data))
    _check_size(picture.size, name, most, limits.min_side)
    _check_depth(picture, name)
    factor = 1
    if isinstance(picture, JpegImageFile):
        factor = _reduce(picture, least_side, limits.max_pixels)
    if structure.size is None:
        take(_needed_bytes(picture.size, picture.mode, name, limits, **beside))
    return _Opened(picture, 1 / factor)


def _check_depth(picture: Image.Image, name: str) -> None:
    if picture.mode in ("I", "F"):
        raise ImageError(
            f"{name} has 32 bits per channel and no defined white level; save it with 8 or 16 bits"
        )


def _unsupported(data: bytes, name: str, kind: str | None, limits: Limits) -> ImageError:
    wanted = names(limits.kinds)
    if kind is not None:
        return ImageError(
            f"{name} is a {FORMATS[kind].name} file, which is not accepted; save it as {wanted}"
        )
    found = "a web page or other text" if data.lstrip()[:1] in (b"<", b"{") else "no known picture"
    return ImageError(f"{name} holds {found}; give a {wanted} file")


# Bytes of a pixel in Pillow by mode; four for all others.
_KEPT_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
# Bytes of a pixel in the returned array, and in the one before rotation.
_ARRAY_BYTES = 3 + 3


def _needed_bytes(
    size: tuple[int, int],
    mode: str,
    name: str,
    limits: Limits,
    *,
    native: int = 0,
    working: int = 0,
) -> int:
    """Return the peak memory of decoding in bytes, by the file's header.

    Raises:
        ImageError: when it exceeds the limit.
    """
    pixel = _KEPT_BYTES.get(mode, 4) + _ARRAY_BYTES + native
    needed = math.prod(size) * pixel + working
    if needed > limits.max_decoded:
        raise ImageError(
            f"{name} needs {needed:,} bytes of memory to decode, more than the limit of "
            f"{limits.max_decoded:,}; save it smaller"
        )
    return needed


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} has too many pixels to decode; save it smaller") from error
    except MemoryError as error:
        raise ImageError(
            f"{name} needs too much memory for its number of pixels; save it again as JPEG or PNG"
        ) from error
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{name} cannot be decoded ({reason}); it is damaged or truncated; export or "
            "download it again"
        ) from error


def _reduce(picture: JpegImageFile, least_side: int | None, max_pixels: int) -> int:
    """Set the scale at which libjpeg decodes, and return the divisor of the sides.

    It is the largest divisor that keeps `least_side`, or a larger one if `max_pixels` needs it.
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
        # Pillow reads the metadata of a TIFF while loading it, and applies its orientation itself.
        with quiet():
            picture.load()
    else:
        picture.load()
