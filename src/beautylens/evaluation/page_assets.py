"""Shared parts of the HTML pages: thumbnails, and rendering of templates."""

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

# Longest side of a thumbnail in pixels.
THUMBNAIL_SIDE = 220


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A thumbnail of the page: its relative address and alternative text."""

    address: str
    alt: str


class PageAssets:
    """The thumbnails of one page, each written once.

    Args:
        folder: beside the page; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._addresses: dict[AnyPath, str | None] = {}
        self._placeholder = self._write(_placeholder())

    def add(self, picture: AnyPath | None, alt: str) -> Thumbnail:
        """Return the thumbnail of a picture, a grey placeholder if it cannot be read."""
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


def write_page(folder: Path, html: Callable[[PageAssets], str]) -> Path:
    """Write `index.html` and its thumbnails into a folder, and return the path of the page.

    Args:
        folder: created if it does not exist.
        html: returns the page, with the thumbnails that it adds to the assets.

    Raises:
        BeautylensError: when the folder cannot be written.
    """
    page = folder / "index.html"
    try:
        (folder / "pictures").mkdir(parents=True, exist_ok=True)
        page.write_text(html(PageAssets(folder / "pictures")), encoding="utf-8")
    except OSError as error:
        raise BeautylensError(
            f"{folder}: cannot write the report ({error.strerror or error}); choose a folder with "
            "write permission"
        ) from error
    return page


def render(template: str, **content: object) -> str:
    """Return the HTML of a template of this folder; the content is escaped.

    Args:
        template: path of the template in this folder.
        content: variables of the template.
    """
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
    """Return a text without control characters and undecodable bytes."""
    return printable(value) if type(value) is str else value


def _decimals(value: float | None) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.3f}"


def _thumbnail(picture: AnyPath) -> Image.Image | None:
    """Return a picture at the size of a thumbnail; None if it cannot be read."""
    try:
        pixels = decode(picture, least_side=2 * THUMBNAIL_SIDE)
    except ImageError:
        return None
    return Image.fromarray(shrink(pixels, THUMBNAIL_SIDE)[0])


def _placeholder() -> Image.Image:
    """Return a grey square with a crossed-out picture, drawn at twice its size for smooth edges."""
    side, ink = 2 * THUMBNAIL_SIDE, "#8a8f94"
    card = Image.new("RGB", (side, side), "#d9dcdf")
    draw = ImageDraw.Draw(card)
    draw.rounded_rectangle((110, 130, 330, 310), 18, outline=ink, width=12)
    draw.ellipse((150, 165, 190, 205), fill=ink)
    draw.polygon([(134, 286), (205, 215), (240, 250), (275, 205), (306, 286)], fill=ink)
    draw.line((110, 340, 330, 100), fill="#d9dcdf", width=34)
    draw.line((110, 340, 330, 100), fill=ink, width=12)
    return card.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
