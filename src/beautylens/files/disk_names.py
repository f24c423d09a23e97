"""File names as the disk writes them, where a table writes them in another normal form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from beautylens.inputs.unicode_text import composed


def on_disk(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder, in whichever normal form the disk has its name.

    macOS takes accents apart, and so do archives from there. A file that is not there keeps its
    name as it is given.
    """
    if name.isascii() or _exists(folder / name):
        return folder / name
    found = folder
    for part in Path(name).parts:
        there = part.isascii() or _exists(found / part)
        found /= part if there else _names_in(found).get(composed(part), part)
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A name that is too long, or holds what no name can.
        return False


def _names_in(folder: Path) -> Mapping[str, str]:
    """Return the names of a folder that are more than ASCII, by their normal form NFC."""
    try:
        return _names_since(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


@lru_cache(64)
def _names_since(folder: Path, _: int) -> Mapping[str, str]:
    with os.scandir(folder) as entries:
        return {composed(entry.name): entry.name for entry in entries if not entry.name.isascii()}
