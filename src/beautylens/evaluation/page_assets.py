"""What the HTML pages share: small copies of pictures, and the rendering of a template."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image, ImageDraw

from beautylens.errors import BeautylensError, ImageError
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode
from beautylens.images.fit import shrink
from beautylens.inputs.unicode_text import printable

THUMBNAIL_SIDE = 220
"""Longest side of a thumbnail in pixels."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture of the page: its relative address and the text that stands for it."""

    address: str
    alt: str


class PageAssets:
    """The thumbnails of one page: each picture is written once, however often it is shown."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`, which stands beside the page."""
        self._folder = folder
        self._addresses: dict[AnyPath, str | None] = {}
        self._placeholder = self._write(_placeholder())

    def add(self, picture: AnyPath | None, alt: str) -> Thumbnail:
        """Return the thumbnail of `picture`, a grey placeholder where it cannot be read."""
        if picture is None or (address := self._address(picture)) is None:
            return Thumbnail(self._placeholder, f"No readable picture: {alt}")
        return Thumbnail(address, alt)

    def _address(self, picture: AnyPath) -> str | None:
        if picture not in self._addresses:
            thumbnail = _thumbnail(picture)
            self._addresses[picture] = None if thumbnail is None else self._write(thumbnail)
        return self._addresses[picture]

    def _write(self, picture: Image.Image) -> str:
        encoded = io.BytesIO()
        picture.save(encoded, "JPEG", quality=88)
        name = f"{hashlib.sha256(encoded.getvalue()).hexdigest()[:20]}.jpg"
        (self._folder / name).write_bytes(encoded.getvalue())
        return f"{self._folder.name}/{name}"


def write_page(folder: Path, draw: Callable[[PageAssets], str]) -> Path:
    """Write `index.html` and its thumbnails into a folder, made where need be; return the page.

    Args:
        folder: where to.
        draw: returns the HTML, its pictures taken from the album.

    Raises:
        BeautylensError: when the folder cannot be written.
    """
    page = folder / "index.html"
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        page.write_text(draw(PageAssets(folder / "pictures")), encoding="utf-8")
    except OSError as error:
        raise BeautylensError(
            f"{folder}: the report cannot be written here ({error.strerror or error}); "
            "name a folder that can be written"
        ) from error
    return page


def render(template: str, **content: object) -> str:
    """Return a template of this folder as HTML, all content escaped."""
    environment = Environment(
        loader=PackageLoader("beautylens", "evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_plain,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["decimals"] = _decimals
    return environment.get_template(template).render(content)


def _plain(value: object) -> object:
    """Return a text without control characters and bytes that are no text."""
    return printable(value) if type(value) is str else value


def _decimals(value: float | None) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.3f}"


def _thumbnail(picture: AnyPath) -> Image.Image | None:
    """The picture small; None where it cannot be read."""
    try:
        pixels = decode(picture, least_side=2 * THUMBNAIL_SIDE)
    except ImageError:
        return None
    return Image.fromarray(shrink(pixels, THUMBNAIL_SIDE)[0])


def _placeholder() -> Image.Image:
    """A grey card with a crossed-out picture frame, drawn twice as large for smooth edges."""
    side, ink = 2 * THUMBNAIL_SIDE, "#8a8f94"
    card = Image.new("RGB", (side, side), "#d9dcdf")
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((110, 130, 330, 310), 18, outline=ink, width=12)
    draw.ellipse((150, 165, 190, 205), fill=ink)
    draw.polygon([(134, 286), (205, 215), (240, 250), (275, 205), (306, 286)], fill=ink)
    draw.line((110, 340, 330, 100), fill="#d9dcdf", width=34)
    draw.line((110, 340, 330, 100), fill=ink, width=12)
    return card.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
