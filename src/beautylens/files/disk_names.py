"""Look-up of files whose names differ from a table's in their Unicode normal form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from beautylens.inputs.unicode_text import composed


def on_disk(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder, with its name in the normal form on disk.

    macOS and archives from it store accents decomposed (NFD). The name of a missing file is
    returned unchanged.
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
        # The name is too long or has characters that names cannot have.
        return False


def _names_in(folder: Path) -> Mapping[str, str]:
    """Return the non-ASCII names in a folder, by their normal form NFC."""
    try:
        return _names_since(folder, folder.stat().st_mtime_ns)
    except (OSError, ValueError):
        return {}


@lru_cache(64)
def _names_since(folder: Path, _: int) -> Mapping[str, str]:
    with os.scandir(folder) as entries:
        return {composed(entry.name): entry.name for entry in entries if not entry.name.isascii()}
