"""The sample's product lines, read from `lines.csv`: forms, names, shades, sizes and variants."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from beautylens.sample.colour import RGB, rgb

# What tells the products of a line apart: colour alone, the amount, or one word and a tint.
Difference = Literal["shade", "size", "variant"]

_VERSION = re.compile(r"(?P<label>.*?) ?(?P<colour>#[0-9a-f]{6}) (?P<size>.+)")
# How much smaller each size is drawn than the next larger one.
_SMALLER = 0.16


@dataclass(frozen=True, slots=True)
class Version:
    """One product of a line: what tells it from its sisters."""

    # Shade number and name, or one word such as `Night`; empty where only the size differs.
    label: str
    colour: RGB
    size: str
    scale: float


@dataclass(frozen=True, slots=True)
class Line:
    """Products of one brand that share form, name and design."""

    brand: str
    form: str
    name: str
    kind: str
    category: str
    differ: Difference
    # Sold in the catalogue's own shop; the others are only ever photographed.
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
