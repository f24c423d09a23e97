"""Data for other programs on stdout and in files, safe in any encoding."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

import typer

from beautylens.inputs.unicode_text import printable

# The characters that start a formula in a spreadsheet (OWASP, CSV injection); and a number.
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", re.IGNORECASE)


def open_closed_streams() -> None:
    """Open those of stdin, stdout and stderr that are closed (`2>&-`) on the null device.

    Otherwise files that are opened next, such as those of a collection, get their descriptors, and
    messages of libraries on stderr are written into them.
    """
    # A file gets the lowest free descriptor.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def write_escapes() -> None:
    """Let stdout and stderr escape characters that their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: Any) -> None:
    """Print a value as one line of ASCII JSON.

    Bytes of a file name that are not text are surrogate escapes, as in Python's own file names.
    """
    typer.echo(json.dumps(value))


def sheet_row(values: Iterable[object]) -> list[object]:
    """Return CSV cells without control characters and without formulas.

    A text that a spreadsheet would read as a formula gets a leading apostrophe.
    """
    return [_cell(value) if isinstance(value, str) else value for value in values]


def _cell(text: str) -> str:
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return printable(f"'{text}" if is_formula else text)
