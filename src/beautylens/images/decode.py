"""Decode any picture a person may have into upright 8-bit sRGB, or say why that cannot be done."""

from __future__ import annotations

import io
import math
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ExifTags import Base
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from beautylens.addresses import Remote, is_address
from beautylens.errors import ImageError
from beautylens.images.fit import LEAST_SIDE
from beautylens.images.quiet import quiet
from beautylens.images.tones import srgb

Pixels: TypeAlias = NDArray[np.uint8]
Picture: TypeAlias = str | Path | Remote | bytes | Pixels | Image.Image


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost before it is refused."""

    max_bytes: int = 64 << 20
    max_pixels: int = 100_000_000
    min_side: int = LEAST_SIDE


DEFAULT_LIMITS = Limits()


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
        limits: sizes beyond which the picture is refused before it is decoded.
        least_side: lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its size, as long as its longer
            side keeps this many pixels.

    Returns:
        (H, W, 3) uint8, contiguous.

    Raises:
        ImageError: when the source is no picture, is damaged, or breaks a limit.
    """
    if isinstance(source, np.ndarray):
        return _checked_array(source, name, limits)
    if isinstance(source, str | Path | Remote):
        name, source = str(source), read_bytes(source, limits)
    picture = source if isinstance(source, Image.Image) else _open(source, name, limits)
    _check_size(picture.width, picture.height, name, limits)
    if isinstance(picture, JpegImageFile) and picture is not source and least_side is not None:
        _reduce(picture, least_side)
    if picture.mode in ("I", "F"):
        raise ImageError(
            f"{name} has 32 bits a channel, which say not how bright white is; save it with 8 or 16"
        )
    with _readable(name):
        _load(picture)
        colours = srgb(picture)
    return _upright(_pixels(colours), _orientation(picture))


def read_bytes(path: str | Path | Remote, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Return the content of a picture file, whose size is checked before it is read.

    Raises:
        ImageError: when the file is missing, unreadable, empty, too large, or an address in text.
    """
    if isinstance(path, Remote):
        return _read_remote(path, limits)
    if isinstance(path, str) and is_address(path):
        raise ImageError(f"{path} is an address, not a file; download it and name the file")
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise ImageError(f"{path} is not a file; name one picture file")
        _check_bytes(status.st_size, str(path), limits)
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist; check the path") from None
    except PermissionError:
        raise ImageError(f"{path} may not be read; give this user permission to read it") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"{path} cannot be read ({error}); check the path and the disk") from error


def _read_remote(file: Remote, limits: Limits) -> bytes:
    try:
        content = file.read_bytes(limits.max_bytes)
    except OSError as error:
        raise ImageError(f"{file} cannot be read ({error}); check address and access") from error
    _check_bytes(len(content), str(file), limits)
    return content


def _check_bytes(size: int, name: str, limits: Limits) -> None:
    if not size:
        raise ImageError(f"{name} is empty; export or download the picture again")
    if size > limits.max_bytes:
        raise ImageError(
            f"{name} has {size:,} bytes where at most {limits.max_bytes:,} are allowed; "
            "save it smaller"
        )


def _check_size(width: int, height: int, name: str, limits: Limits) -> None:
    if width * height > limits.max_pixels:
        raise ImageError(
            f"{name} has {width} x {height} pixels where at most {limits.max_pixels:,} in all are "
            "allowed; save it smaller"
        )
    if min(width, height) < limits.min_side:
        raise ImageError(
            f"{name} has {width} x {height} pixels where each side needs at least "
            f"{limits.min_side}; use a larger picture"
        )


def _checked_array(pixels: Pixels, name: str, limits: Limits) -> Pixels:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(
            f"{name} is an array of shape {pixels.shape} and type {pixels.dtype}; "
            "give RGB as (height, width, 3) uint8"
        )
    _check_size(pixels.shape[1], pixels.shape[0], name, limits)
    return np.ascontiguousarray(pixels)


def _heif(file: io.BytesIO) -> Image.Image:
    """Open HEIC and HEIF; imported here because few catalogues hold one and libheif is large."""
    from pillow_heif import HeifImageFile

    return HeifImageFile(file)  # type: ignore[no-untyped-call]  # it has no types


# The content decides, never the suffix; and only these parsers can be reached from a file.
FORMATS: dict[str, tuple[bytes, Callable[[io.BytesIO], Image.Image]]] = {
    ".jpg": (rb"\xff\xd8\xff", JpegImageFile),
    ".png": (rb"\x89PNG\r\n\x1a\n", PngImageFile),
    ".webp": (rb"RIFF.{4}WEBP", WebPImageFile),
    ".avif": (rb".{4}ftyp(?:.{4}){0,12}?avi[fs]", AvifImageFile),
    ".heic": (rb".{4}ftyp(?:hei|hev|mif|msf)", _heif),
    ".gif": (rb"GIF8[79]a", GifImageFile),
    ".tif": (rb"II[*+]\0|MM\0[*+]", TiffImageFile),
    ".bmp": (rb"BM", BmpImageFile),
}
HEAD_BYTES = 64


def suffix_of(head: bytes) -> str | None:
    """Return the file suffix of the picture that starts with these bytes; None if it is none.

    The first `HEAD_BYTES` of a file are enough.
    """
    kinds = (kind for kind, (start, _) in FORMATS.items() if re.match(start, head, re.DOTALL))
    return next(kinds, None)


def _open(data: bytes, name: str, limits: Limits) -> Image.Image:
    """Read the header only; the pixels follow once their number is known to be allowed."""
    _check_bytes(len(data), name, limits)
    kind = suffix_of(data[:HEAD_BYTES])
    if kind is not None:
        with _readable(name), quiet():
            return FORMATS[kind][1](io.BytesIO(data))
    found = "a web page or other text" if data.lstrip()[:1] in (b"<", b"{") else "no known picture"
    raise ImageError(
        f"{name} holds {found}; give a JPEG, PNG, WebP, HEIC, AVIF, GIF, TIFF or BMP file"
    )


# What Pillow and its plugins were seen to raise, or by their sources can raise, on damaged files.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} claims too many pixels to be decoded; save it smaller") from error
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageError(
            f"{name} cannot be decoded ({reason}); it is damaged or cut short, so export or "
            "download it again"
        ) from error


def _reduce(picture: JpegImageFile, least_side: int) -> None:
    """Ask libjpeg for the smallest of its sizes whose longer side is still long enough."""
    for factor in (8, 4, 2):
        if math.ceil(max(picture.size) / factor) >= least_side:
            picture.draft(None, (max(1, picture.width // factor), max(1, picture.height // factor)))
            return


def _load(picture: Image.Image) -> None:
    if isinstance(picture, TiffImageFile):
        # Pillow reads the metadata of a TIFF while it loads it, and turns it upright itself.
        with quiet():
            picture.load()
    else:
        picture.load()


def _orientation(picture: Image.Image) -> int:
    """Return the EXIF orientation that is left to apply, 1 to 8; damaged EXIF counts as none."""
    try:
        with quiet():
            return cast(int, picture.getexif().get(Base.Orientation, 1))
    except _DAMAGE:
        return 1


_UPRIGHT: dict[int, Callable[[Pixels], cv2.typing.MatLike]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE), 0),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    turn = _UPRIGHT.get(orientation)
    return pixels if turn is None else np.asarray(turn(pixels), np.uint8)


_STRIP_BYTES = 1 << 20


def _pixels(picture: Image.Image) -> Pixels:
    """Copy an RGB image out of Pillow.

    Pillow keeps four bytes a pixel, and `np.asarray` on a large image costs as much as decoding
    it. Arrow shows a small image without a copy, so the picture goes strip by strip.
    """
    width, height = picture.size
    rows = max(1, min(height, _STRIP_BYTES // (4 * width)))
    strip = Image.new("RGB", (width, rows))
    pixels = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        strip.paste(picture, (0, -top))
        seen = pa.array(strip).flatten().to_numpy().reshape(rows, width, 4)
        cv2.cvtColor(seen[: height - top], cv2.COLOR_RGBA2RGB, dst=pixels[top : top + rows])
    return pixels
