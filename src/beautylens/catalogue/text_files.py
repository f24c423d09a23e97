"""The encoding and lines of text files."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from beautylens.errors import TableError

# Maximum of characters in a line: far more than a product needs, and small enough for any memory.
LONGEST_LINE = 16 << 20

# The encoding of CSV that spreadsheets of Western Europe save.
WESTERN = "cp1252"
_BLOCK_BYTES = 1 << 20
# Byte-order marks.
_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def encoding_of(path: Path) -> str:
    """Return the encoding that a text file's byte-order mark names; without one, UTF-8."""
    with path.open("rb") as file:
        return _MARKS.get(file.read(2), "utf-8-sig")


def table_encoding(path: Path) -> str:
    """Return the encoding of a table of text: as `encoding_of`, or Windows-1252.

    Spreadsheets of Western Europe save CSV as Windows-1252, which hardly ever is valid UTF-8.
    """
    encoding = encoding_of(path)
    if encoding != "utf-8-sig" or _decodes(path, encoding) or not _decodes(path, WESTERN):
        return encoding
    return WESTERN


def _decodes(path: Path, encoding: str) -> bool:
    """Return whether a file is valid text without control characters in an encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK_BYTES):
                if "\0" in decoder.decode(block):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def open_text(path: Path, encoding: str | None = None) -> TextIO:
    """Open text with its line ends as they are.

    Args:
        path: the file.
        encoding: by default UTF-8, or UTF-16 with a byte-order mark.
    """
    return path.open(encoding=encoding or encoding_of(path), newline="")


def lines_of(path: Path, file: TextIO) -> Iterator[str]:
    """Yield the lines of an open text, one in memory at a time.

    Their length is limited, because a compressed megabyte may expand to a line of gigabytes.

    Args:
        path: for error messages.
        file: compressed or not.

    Raises:
        TableError: naming a line that has more than `LONGEST_LINE` characters.
    """
    number = 1
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise TableError(
                f"{path}: line {number} has more than {LONGEST_LINE:,} characters; write one "
                "product per line"
            )
        yield line
        number += 1
