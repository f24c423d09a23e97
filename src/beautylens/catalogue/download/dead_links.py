"""The report of links that give no picture, by which later runs skip them."""

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
# Prefix of temporary reasons: the next run tries the link again.
FOR_NOW = "for now: "

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """A picture to fetch: its id, its address, and its row in the list.

    `otherwise` is a second address, for when the first permanently fails.
    """

    picture_id: str
    address: str
    row: int = 0
    otherwise: str = ""

    @property
    def key(self) -> Key:
        """The identity of a link: the same id with another address is another link."""
        return self.picture_id, self.address


@dataclass(frozen=True, slots=True)
class DeadLink:
    """A link that gives no picture, and the reason."""

    link: Link
    reason: str

    @property
    def lasting(self) -> bool:
        """Whether later runs skip the link."""
        return not self.reason.startswith(FOR_NOW)

    @property
    def line(self) -> tuple[str, str, str, int]:
        """The link's line in the report."""
        # On one line, because a reason may contain text of the host.
        return self.link.picture_id, self.link.address, on_one_line(self.reason), self.link.row


def read_dead_links(path: Path) -> dict[Key, DeadLink]:
    """Return the dead links of a report; incomplete lines, left by a kill, are ignored.

    Raises:
        TableError: when the report exists but cannot be read.
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
    """Write the whole report, sorted by row."""
    write_csv(path, COLUMNS, (one.line for one in sorted(dead, key=lambda one: one.link.row)))


@contextmanager
def noting(path: Path) -> Iterator[Callable[[DeadLink], None]]:
    """Yield a function that appends a dead link to the report at once, so that it survives."""
    with path.open("a", encoding="utf-8", newline="", buffering=1) as file:
        writer = csv.writer(file, lineterminator="\n")

        def note(dead: DeadLink) -> None:
            writer.writerow(dead.line)

        yield note
