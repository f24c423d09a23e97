"""Picture file formats: signature, structure check and parser of each."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from beautylens.images.limits import Limits
from beautylens.images.structure.bmp import read_bmp
from beautylens.images.structure.file import Structure
from beautylens.images.structure.gif import read_gif
from beautylens.images.structure.isobmff import read_isobmff
from beautylens.images.structure.jpeg import read_jpeg
from beautylens.images.structure.png import read_png
from beautylens.images.structure.tiff import read_tiff
from beautylens.images.structure.webp import read_webp

HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Format:
    """A format of picture files.

    Args:
        name: for messages.
        start: regular expression of the first bytes.
        count: checks the structure of a file, in bounded time, before it is opened.
        open: reads the header of a file.
        native: bytes a pixel that its decoder takes beside Pillow's.
    """

    name: str
    start: bytes
    count: Callable[[bytes, Limits], Structure]
    open: Callable[[io.BytesIO], Image.Image]
    native: int = 0


def _heif(file: io.BytesIO) -> Image.Image:
    """Open HEIC and HEIF; imported late, since libheif is large and seldom needed."""
    from pillow_heif import HeifImageFile

    return HeifImageFile(file)  # type: ignore[no-untyped-call]  # it has no types


# Content decides, never the suffix. No other parser can be reached from a file.
FORMATS: dict[str, Format] = {
    ".jpg": Format("JPEG", rb"\xff\xd8\xff", read_jpeg, JpegImageFile),
    ".png": Format("PNG", rb"\x89PNG\r\n\x1a\n", read_png, PngImageFile),
    ".webp": Format("WebP", rb"RIFF.{4}WEBP", read_webp, WebPImageFile, native=10),
    ".avif": Format(
        "AVIF", rb".{4}ftyp(?:.{4}){0,12}?avi[fs]", read_isobmff, AvifImageFile, native=10
    ),
    ".heic": Format("HEIC", rb".{4}ftyp(?:hei|hev|mif|msf)", read_isobmff, _heif, native=10),
    ".gif": Format("GIF", rb"GIF8[79]a", read_gif, GifImageFile, native=2),
    ".tif": Format("TIFF", rb"II[*+]\0|MM\0[*+]", read_tiff, TiffImageFile, native=3),
    ".bmp": Format("BMP", rb"BM", read_bmp, BmpImageFile, native=3),
}


def suffix_of(head: bytes) -> str | None:
    """Return the file suffix of the format that starts with these bytes; None if unknown.

    The first `HEAD_BYTES` of a file are enough.
    """
    kinds = (kind for kind, each in FORMATS.items() if re.match(each.start, head, re.DOTALL))
    return next(kinds, None)


def names(kinds: tuple[str, ...]) -> str:
    """Return the names of formats for a sentence: `JPEG, PNG or GIF`."""
    *most, last = (FORMATS[kind].name for kind in kinds)
    return f"{', '.join(most)} or {last}" if most else last
