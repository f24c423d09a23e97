"""A folder of pictures named by their ids, few enough in each subfolder for any file system."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from urllib.parse import quote

from beautylens.images.decode import FORMATS, HEAD_BYTES, suffix_of

PART = ".part"


class Shelf:
    """Pictures spread evenly over 256 subfolders: some 2,100 in each of half a million.

    Nothing but the id decides where a picture stands; its suffix is that of its type.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names = cache(_names)

    def find(self, picture_id: str) -> Path | None:
        """Return the picture's file if it was there at the first look and starts like a picture."""
        place = self._place(picture_id)
        there = self._names(place.parent)
        for suffix in FORMATS:
            file = place.with_suffix(suffix)
            if file.name in there and _starts_like_a_picture(file):
                return file
        return None

    def part(self, picture_id: str) -> Path:
        """Return where to write a picture until it is whole; its folder is made."""
        part = self._place(picture_id).with_suffix(PART)
        part.parent.mkdir(parents=True, exist_ok=True)
        return part

    def _place(self, picture_id: str) -> Path:
        # With separators and dots encoded, no id leads elsewhere or has a suffix of its own.
        name = quote(picture_id, safe="").replace(".", "%2E")
        return self._folder / f"{zlib.crc32(name.encode()) & 0xFF:02x}" / name


def _names(folder: Path) -> frozenset[str]:
    return frozenset(file.name for file in folder.iterdir()) if folder.is_dir() else frozenset()


def _starts_like_a_picture(file: Path) -> bool:
    with file.open("rb") as opened:
        return suffix_of(opened.read(HEAD_BYTES)) is not None
