"""The report of links that gave no picture, which is also the memory of them between runs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from beautylens.catalogue.readers import reading
from beautylens.catalogue.text_files import open_text
from beautylens.catalogue.write import write_csv
from beautylens.inputs.unicode_text import on_one_line

COLUMNS = ("id", "address", "reason", "row")
# Starts the reason of a link that the next run asks again.
FOR_NOW = "for now: "

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """A picture to fetch: the id that names it, its address, and its row in the list.

    `otherwise` is a second address, asked where the first has lastingly nothing.
    """

    picture_id: str
    address: str
    row: int = 0
    otherwise: str = ""

    @property
    def key(self) -> Key:
        """What is remembered of a link: a new address of an old id is a new link."""
        return self.picture_id, self.address


@dataclass(frozen=True, slots=True)
class DeadLink:
    """A link, and why it gave no picture."""

    link: Link
    reason: str

    @property
    def lasting(self) -> bool:
        """Whether later runs leave the link alone."""
        return not self.reason.startswith(FOR_NOW)

    @property
    def line(self) -> tuple[str, str, str, int]:
        """The link's line in the report."""
        # A reason may hold what the host said.
        return self.link.picture_id, self.link.address, on_one_line(self.reason), self.link.row


def read_dead_links(path: Path) -> dict[Key, DeadLink]:
    """Return what a report remembers; a line that a kill cut short is as if it were not there.

    Raises:
        TableError: when the report is there but cannot be read.
    """
    if not path.exists():
        return {}
    with reading(path), open_text(path) as file:
        lines = [line for line in csv.reader(file) if len(line) == len(COLUMNS)]
    remembered = {}
    for picture_id, address, reason, row in lines:
        if row.isdecimal():
            link = Link(picture_id, address, int(row))
            remembered[link.key] = DeadLink(link, reason)
    return remembered


def write_dead_links(path: Path, dead: Iterable[DeadLink]) -> None:
    """Write the whole report, by row."""
    write_csv(path, COLUMNS, (one.line for one in sorted(dead, key=lambda one: one.link.row)))


@contextmanager
def noting(path: Path) -> Iterator[Callable[[DeadLink], None]]:
    """Give the function that adds a dead link to the report at once, so that it outlives a kill."""
    with path.open("a", encoding="utf-8", newline="", buffering=1) as file:
        writer = csv.writer(file, lineterminator="\n")

        def note(dead: DeadLink) -> None:
            writer.writerow(dead.line)

        yield note
