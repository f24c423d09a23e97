"""Files in cells of pictures whose names have `;` or `,` in them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from beautylens.catalogue.image_cells import MARKS, START, pictures_in
from beautylens.files.disk_names import on_disk
from beautylens.files.paths import AnyPath, is_address

_SEPARATOR = re.compile(r"([;,|\n\r\t])")
# Names and separators between them that are tried as one name.
_MOST_PARTS = 9


def existing_pictures_in(cell: str, folder: AnyPath) -> list[str]:
    """Return the pictures in a cell as `pictures_in`, but the names of files in one piece.

    Args:
        cell: of a column of pictures.
        folder: of relative paths; files are looked up if it is on this machine.
    """
    found = pictures_in(cell)
    if not isinstance(folder, Path) or _SEPARATOR.search(cell) is None or START.match(cell):
        return found
    if all(is_address(each) or _is_file(folder, each) for each in found):
        return found
    return _files(cell, folder) or found


def _files(cell: str, folder: Path) -> list[str]:
    """Return the files that a cell names, the longest names first; none if one does not exist."""
    parts = _SEPARATOR.split(cell)
    names: list[str] = []
    while parts:
        taken, name = _first_file(parts, folder)
        if not name and parts[0].strip(MARKS):
            return []
        names += [name] if name else []
        del parts[: taken + 1]
    return names


def _first_file(parts: list[str], folder: Path) -> tuple[int, str]:
    """Return the number of parts that are the longest name of a file, and the name."""
    most = min(len(parts), _MOST_PARTS)
    for taken in range(most, 0, -2):
        name = "".join(parts[:taken]).strip(MARKS)
        if name and _is_file(folder, name):
            return taken, name
    return 1, ""


def _is_file(folder: Path, name: str) -> bool:
    # Unlike Path.is_file, this takes names that are too long.
    return os.path.isfile(on_disk(folder, name))  # noqa: PTH113
