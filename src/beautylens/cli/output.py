"""What goes to stdout and into files for other programs, in whatever encoding they have."""

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

# What a spreadsheet takes for the start of a formula (OWASP, CSV injection), and what is a number.
_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?", re.IGNORECASE)


def open_closed_streams() -> None:
    """Open what was closed of stdin, stdout and stderr, on nothing (`2>&-`).

    Else the next files that are opened take their numbers, those of a collection too, and what a
    library writes to stderr goes into them.
    """
    # A file is opened under the lowest number that is free.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8"))


def write_escapes() -> None:
    """Have stdout and stderr write as an escape what their encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(value: Any) -> None:
    """Print a value as one line of JSON in ASCII, which every encoding carries.

    Bytes of a file name that are no text are surrogates, as in Python's own names of files.
    """
    typer.echo(json.dumps(value))


def sheet_row(values: Iterable[object]) -> list[object]:
    """Return cells that a spreadsheet or terminal takes for nothing but text.

    Texts are printable, and one that would be a formula has an apostrophe in front.
    """
    return [_cell(value) if isinstance(value, str) else value for value in values]


def _cell(text: str) -> str:
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return printable(f"'{text}" if is_formula else text)
