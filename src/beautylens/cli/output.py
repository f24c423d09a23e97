"""Data for other programs on stdout and in files, safe in any encoding."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

import typer


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
