"""Text files of tables: their encoding, and the lines in them."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import TextIO

# What programs put in front of a text to say how it is encoded.
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def encoding_of(path: Path) -> str:
    """Return the encoding that a text file's byte-order mark names; without one, UTF-8."""
    with path.open("rb") as file:
        return _MARKS.get(file.read(2), "utf-8-sig")


def open_text(path: Path) -> TextIO:
    """Open UTF-8 text, or UTF-16 with a byte-order mark, with its line ends as they are."""
    return path.open(encoding=encoding_of(path), newline="")
