"""A folder of pictures, named by their ids and sharded into subfolders."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

from beautylens.files.names import file_name
from beautylens.images.formats import FORMATS, HEAD_BYTES, suffix_of

PART = ".part"


class ShardedFolder:
    """Pictures spread evenly over 256 subfolders: about 2,100 each for half a million.

    The subfolder and file name depend only on the id; the suffix is that of the picture's type.
    """

    def __init__(self, folder: Path) -> None:
        self._folders = [folder / f"{number:02x}" for number in range(256)]
        self._names = cache(_names)

    def find(self, picture_id: str) -> Path | None:
        """Return the picture's file if it existed at the first look and begins like a picture."""
        folder, name = self._location(picture_id)
        there = self._names(folder)
        for suffix in FORMATS:
            if name + suffix in there and _starts_like_a_picture(folder / (name + suffix)):
                return folder / (name + suffix)
        return None

    def part(self, picture_id: str) -> Path:
        """Return the file for an unfinished picture, and create its folder."""
        folder, name = self._location(picture_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / (name + PART)

    def _location(self, picture_id: str) -> tuple[Path, str]:
        """Return a picture's folder, and its file name without suffix."""
        # Without dots the name has no suffix of its own.
        name = file_name(picture_id).replace(".", "%2E")
        return self._folders[zlib.crc32(name.encode()) & 0xFF], name


def _names(folder: Path) -> frozenset[str]:
    return frozenset(file.name for file in folder.iterdir()) if folder.is_dir() else frozenset()


def _starts_like_a_picture(file: Path) -> bool:
    with file.open("rb") as opened:
        return suffix_of(opened.read(HEAD_BYTES)) is not None
