"""Product lines of the sample, read from `lines.csv`: form, name, shades, sizes, variants."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from beautylens.sample.colour import RGB, rgb

# The difference between the products of a line: colour, amount, or one word and a tint.
Difference = Literal["shade", "size", "variant"]

_VERSION = re.compile(r"(?P<label>.*?) ?(?P<colour>#[0-9a-f]{6}) (?P<size>.+)")
# Reduction of the drawn size for each smaller amount.
_SMALLER = 0.16


@dataclass(frozen=True, slots=True)
class Version:
    """One product of a line.

    label is shade number and name, or one word such as `Night`; empty if only the size differs.
    """

    label: str
    colour: RGB
    size: str
    scale: float


@dataclass(frozen=True, slots=True)
class Line:
    """Products of one brand with the same form, name and design.

    listed lines are in the catalogue; others are photographed only, as queries without an answer.
    """

    brand: str
    form: str
    name: str
    kind: str
    category: str
    differ: Difference
    listed: bool
    versions: tuple[Version, ...]


@cache
def read_lines() -> tuple[Line, ...]:
    """Return every line, in the order of the file."""
    table = files(__package__).joinpath("lines.csv").read_text(encoding="utf-8")
    return tuple(_line(row) for row in csv.DictReader(table.splitlines()))


def _line(row: dict[str, str]) -> Line:
    entries = row["versions"].split("|")
    differ = cast(Difference, row["differ"])
    steps = range(len(entries) - 1, -1, -1) if differ == "size" else [0] * len(entries)
    return Line(
        brand=row["brand"],
        form=row["form"],
        name=row["name"],
        kind=row["kind"],
        category=row["category"],
        differ=differ,
        listed=row["sold"] == "here",
        versions=tuple(
            _version(entry, 1 - _SMALLER * step) for entry, step in zip(entries, steps, strict=True)
        ),
    )


def _version(entry: str, scale: float) -> Version:
    match = _VERSION.fullmatch(entry)
    if match is None:
        raise ValueError(f"lines.csv: {entry!r} is not `label #colour size`")
    return Version(match["label"], rgb(match["colour"]), match["size"], scale)
