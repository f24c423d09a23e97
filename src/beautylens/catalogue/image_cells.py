"""The pictures in a table's cells, in all notations of shop systems and spreadsheets."""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from beautylens.catalogue.checks import identifier
from beautylens.files.paths import AnyPath, is_address

MAIN = "image"
# Columns of further pictures: image_2, image3, images, additional_image_link, image_link_2.
_FURTHER = re.compile(
    r"images|image(?:_link|_url|_src|_path)?_?\d{1,2}"
    r"|(?:additional|further|other)_images?(?:_(?:link|url|src|path)s?)?(?:_?\d{1,2})?"
)
_LIKE_PICTURES = re.compile(
    "image|img|picture|photo|foto|bild|path|pfad|file|datei|fichier|chemin", re.IGNORECASE
)
# Keys of nested values that hold a picture's path or address.
_KEYS = ("path", "url", "src", "link", "href", "contentUrl", "image")

_PICTURE = r"\.(?:jpe?g|jfif|png|webp|hei[cf]|avif|gif|tiff?|bmp)"
_ENDS_IN_PICTURE = re.compile(rf"{_PICTURE}[\"']?(?:[?#][^\s]*)?\s*$", re.IGNORECASE)
_BARE_FILE = re.compile(rf"\s*[^=?]*{_PICTURE}\s*", re.IGNORECASE)
# An address without its scheme: //cdn.shop.example/a.jpg.
_SCHEMELESS = r"//(?:[\w\-]+\.)+[A-Za-z]{2,}(?=[/:])|//[\w\-]+:\d+(?=/)"
START = re.compile(rf"\s*[\"'<]?(?:[A-Za-z][A-Za-z0-9+.\-]+://|{_SCHEMELESS})")
_SPACED = re.compile(rf"\s+(?=[A-Za-z][A-Za-z0-9+.\-]+://|{_SCHEMELESS})")
_NESTED = re.compile(r"[\[{(]")
_ENTITY = re.compile(r"&(?:amp|quot|apos|lt|gt|nbsp|#\d+|#x[0-9a-f]+);", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]?|\\\\|//")
MARKS = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_ORDINARY = re.compile(r"[\w .\-]+(?:/[\w .\-]+)*")


def picture_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of pictures: `image` first, then further ones in their order."""
    further = [name for name in names if name != MAIN and _FURTHER.fullmatch(identifier(name))]
    return [name for name in names if name == MAIN] + further


def may_hold_pictures(name: str) -> bool:
    """Return whether a column of this name may have the paths of pictures."""
    return _LIKE_PICTURES.search(name) is not None


def pictures_in(cell: str) -> list[str]:
    """Return the paths and addresses in a cell, in their order.

    They are separated by line breaks, tabs, `|`, `;` or `,`, or are a list or object in JSON or
    Python. A `,` ends a path only after a picture's suffix; `;` and `,` end an address only before
    another picture.
    """
    if _NESTED.search(cell) and (listed := _list(cell.strip(MARKS))) is not None:
        return [text for item in listed if (text := _written(item))]
    return [text for item in _split(unescaped(cell)) if (text := _written(item))]


def one_picture(cell: str) -> str:
    """Return the path or address of a cell with a single one; empty if there is none."""
    listed = _list(cell.strip(MARKS)) if _NESTED.search(cell) else None
    if listed is not None and len(listed) < 2:
        return _written(listed[0]) if listed else ""
    return _written(unescaped(cell))


def on_this_system(text: str, folder: AnyPath) -> str:
    r"""Return a path of a table in this folder in the notation of this system.

    `pictures\a.jpg` becomes `pictures/a.jpg`. `C:\shop\pictures\a.jpg` becomes its longest suffix
    that is a file relative to the table; without one it stays unchanged and is reported later.
    """
    drive = _DRIVE.match(text)
    if "\\" not in text and (drive is None or is_address(text)):
        return text
    if isinstance(folder, Path) and (folder / text).exists():
        # Outside Windows this is a valid file name.
        return text
    if drive is None:
        return text.replace("\\", "/")
    parts = [part for part in re.split(r"[\\/]+", text[drive.end() :]) if part]
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    if not isinstance(folder, Path):
        return text
    return next((end for end in ends if (folder / end).is_file()), text)


def _list(cell: str) -> list[str] | None:
    """Return the items of a list in JSON or Python notation; None if it is not a list.

    An object or dict is the only item of its list.
    """
    if (cell[:1], cell[-1:]) not in (("[", "]"), ("{", "}"), ("(", ")")):
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list | tuple):
        return None
    return [_named(item) for item in value if item is not None]


def _named(item: object) -> str:
    if isinstance(item, dict):
        return next((item[key] for key in _KEYS if isinstance(item.get(key), str)), "")
    return str(item)


def unescaped(cell: str) -> str:
    """Return a text with `&amp;` and other entities of HTML as the characters they stand for."""
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), cell) if "&" in cell else cell


def _split(cell: str) -> Iterator[str]:
    for part in re.split(r"[\n\r\t|]+", cell):
        current, *rest = re.split(r"([;,])", part)
        for mark, after in zip(rest[::2], rest[1::2], strict=True):
            if _is_break(current, mark, after):
                yield from _spaced(current)
                current = after
            else:
                current += mark + after
        yield from _spaced(current)


def _is_break(before: str, mark: str, after: str) -> bool:
    """Return whether a `;` or `,` separates two pictures rather than being part of one."""
    if START.match(after) or not before.strip(MARKS):
        return True
    ended = _ENDS_IN_PICTURE.search(before) is not None
    if not START.match(before):
        return mark == ";" or ended
    if not after.strip(MARKS):
        return True
    return mark == ";" and ended and _BARE_FILE.fullmatch(after) is not None


def _spaced(item: str) -> Iterator[str]:
    """Yield addresses that are separated by spaces only; any other text as a whole."""
    if START.match(item):
        yield from _SPACED.split(item)
    else:
        yield item


def _written(item: str) -> str:
    """Return a path or address without quotes or brackets around it, and with its scheme."""
    text = item.strip(MARKS)
    if _ORDINARY.fullmatch(text) and not text.startswith("./") and "/./" not in text:
        return text
    while len(text) > 1 and (text[0], text[-1]) in (('"', '"'), ("'", "'"), ("<", ">")):
        text = text[1:-1].strip(MARKS)
    if text[:5].lower() == "file:":
        return _file(text)
    if re.match(_SCHEMELESS, text):
        return f"https:{text}"
    return text if is_address(text) else _plain_path(text)


def _file(address: str) -> str:
    """Return the path of a `file:` address (RFC 8089)."""
    path = unquote(address[5:])
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        path = slash + path if host.lower() in ("", "localhost") else f"{host}/{path}"
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path


def _plain_path(path: str) -> str:
    """Return a path normalised, without `.` and `//`."""
    if "//" not in path and not path.startswith("./") and "/./" not in path:
        return path
    start = re.match(r"//(?!/)|/*", path)
    lead = "" if start is None else start[0] if len(start[0]) < 3 else "/"
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return lead + "/".join(parts) if parts else path
