"""The catalogue of the Perfect-500K challenge: its two lists and their pictures."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from beautylens.catalogue.checks import refuse
from beautylens.catalogue.delimited import TAB, read_rows
from beautylens.catalogue.download.dead_links import Link
from beautylens.catalogue.download.pictures import REPORT, Downloaded, Progress, download
from beautylens.catalogue.download.transfer import DEFAULT_MANNERS, Manners, is_fetchable
from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.catalogue.readers import reading
from beautylens.catalogue.write import write_csv
from beautylens.errors import TableError
from beautylens.files.paths import is_address
from beautylens.images.files import PICTURE_SUFFIXES
from beautylens.inputs.counts import none_or_at_least_one
from beautylens.inputs.several import several

CATALOGUE = "catalogue.csv"
COLUMNS = ("product_id", "image", "name")
TITLES = ("title", "name")
SHAPE = "n and 7 digits"

_ID = re.compile(r"(?:^|[/\\])(n[0-9]{7})(?:\.\w{1,5})?$")
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of the challenge; `address` and `name` are empty if no list gives them."""

    product_id: str
    address: str
    name: str
    row: int


@dataclass(frozen=True, slots=True)
class _List:
    """A list's lines, of equal length, and the indices of its columns; -1 for a missing one."""

    path: Path
    lines: Sequence[Sequence[str]]
    id: int
    address: int
    title: int

    def cell(self, line: Sequence[str], column: int) -> str:
        return line[column].strip() if column >= 0 else ""


def fetch_perfect500k(
    lists: Sequence[Path],
    folder: Path,
    *,
    pictures: Path | None = None,
    limit: int | None = None,
    manners: Manners = DEFAULT_MANNERS,
    retry_dead: bool = False,
    progress: Progress | None = None,
) -> Downloaded:
    """Fetch the challenge's pictures into a folder and write `catalogue.csv` there.

    Args:
        lists: the list of 2018, that of 2020, or both.
        folder: created if it does not exist.
        pictures: a folder of pictures named after their ids, which are used in that folder.
        limit: use only the first pictures of the lists.
        manners: limits per host and picture.
        retry_dead: whether to try dead links again.
        progress: called with the number of finished links, of all links, and of dead links.

    Raises:
        TableError: when a list is wrong, or there are neither addresses nor pictures.
        QueryError: when `limit` is less than 1.
    """
    limit = none_or_at_least_one(limit, "limit")
    table = folder / CATALOGUE
    if table.exists() and not (folder / REPORT).exists():
        raise TableError(f"{table} is not from this command; name another folder")
    lists = several(lists)
    entries = read_lists(lists)[:limit]
    own = find_pictures(pictures) if pictures else {}
    if not own and not any(entry.address for entry in entries):
        raise TableError(
            f"{', '.join(map(str, lists))} holds no addresses; give the list of 2018 too, "
            "or the folder of the pictures"
        )
    links = [Link(e.product_id, e.address, e.row) for e in entries if e.product_id not in own]
    done = download(links, folder, manners=manners, retry_dead=retry_dead, progress=progress)
    used = {e.product_id: own[e.product_id] for e in entries if e.product_id in own}
    done = replace(done, pictures={**done.pictures, **used}, present=done.present + len(used))
    write_csv(table, COLUMNS, _rows(entries, done.pictures, folder))
    return done


def read_lists(paths: Sequence[Path]) -> list[Entry]:
    """Return the pictures of the challenge's lists, joined by id, in the order of the first list.

    A list is CSV (or TSV) with or without column names: columns are recognised by their content.
    One has ids, file names or addresses; one may have addresses, another one titles. A list with
    addresses but no ids gets them from another list with the same addresses.

    Raises:
        TableError: when a list cannot be read, or rows have no id, a repeated id, or an invalid
            address.
    """
    lists = [_read_list(path) for path in several(paths)]
    known = {} if all(one.id >= 0 for one in lists) else _ids_by_address(lists)
    joined: dict[str, Entry] = {}
    for entry in chain.from_iterable(_entries(one, known) for one in lists):
        first = joined.setdefault(entry.product_id, entry)
        if first is not entry:
            joined[entry.product_id] = replace(
                first if first.address else entry, name=first.name or entry.name
            )
    return list(joined.values())


def find_pictures(folder: Path) -> dict[str, Path]:
    """Return the picture files that are named after an id, in any subfolder.

    Raises:
        TableError: when there are none.
    """
    found: dict[str, Path] = {}
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            file, product = Path(parent, name), _id_in(name)
            if product and file.suffix.lower() in PICTURE_SUFFIXES:
                found.setdefault(product, file)
    if not found:
        raise TableError(
            f"{folder} holds no pictures named after their ids ({SHAPE}); name another folder"
        )
    return found


def _read_list(path: Path) -> _List:
    with reading(path):
        lines = read_rows(path, TAB if path.suffix.lower() == ".tsv" else ",")
    names: Sequence[str] = ()
    if lines and not any(_id_in(cell) or _is_address(cell) for cell in lines[0]):
        names = [name.strip().lower() for name in lines.pop(0)]
    if not lines:
        raise TableError(f"{path} has no rows; give at least one")
    width = len(names or lines[0])
    ragged = [
        f"row {row} has {len(line)} fields, but there are {width} columns"
        for row, line in enumerate(lines, 1)
        if len(line) != width
    ]
    refuse(path, ragged, "Quote a field that holds a separator")
    return _with_columns(path, names, lines)


def _with_columns(path: Path, names: Sequence[str], lines: Sequence[Sequence[str]]) -> _List:
    """Recognise the columns by the majority of their first cells."""
    columns = list(zip(*lines[:_SAMPLE], strict=True))
    least = len(columns[0]) / 2
    ids = [sum(map(bool, map(_id_in, cells))) for cells in columns]
    addresses = [sum(map(_is_address, cells)) for cells in columns]
    address = addresses.index(max(addresses)) if max(addresses) >= least else -1
    # File names in addresses are used as ids only if there is no column of ids.
    ids_alone = [0 if column == address else count for column, count in enumerate(ids)]
    best = ids_alone if max(ids_alone) >= least else ids
    named = best.index(max(best)) if max(best) >= least else -1
    if named < 0 and address < 0:
        raise TableError(
            f"{path} has neither a column of ids ({SHAPE}) nor one of addresses; "
            "give a list of the challenge"
        )
    rest = [column for column in range(len(columns)) if column not in (named, address)]
    titled = [column for column in rest if names and names[column] in TITLES]
    return _List(path, lines, named, address, (titled or rest or [-1])[0])


def _entries(one: _List, known: Mapping[str, str]) -> list[Entry]:
    """Return a list's entries, with ids from other lists by `known` addresses if it has none."""
    entries, faults = [], []
    first: dict[str, int] = {}
    for row, line in enumerate(one.lines, 1):
        address = one.cell(line, one.address)
        given = one.cell(line, one.id)
        product = _id_in(given) if one.id >= 0 else known.get(address, "")
        earlier = first.setdefault(product, row)
        if not product:
            faults.append(
                f"row {row} has {given[:40]!r} for an id" if given else f"row {row} has no id"
            )
        elif earlier != row:
            faults.append(f"rows {earlier} and {row} both hold id {product}")
        elif one.address >= 0 and not is_fetchable(address):
            faults.append(f"row {row} has {address[:80]!r} for an address")
        name = " ".join(one.cell(line, one.title).split())
        entries.append(Entry(product, address, name, row))
    refuse(one.path, faults, f"Give each row an id of its own ({SHAPE}) and an http address")
    return entries


def _ids_by_address(lists: Sequence[_List]) -> dict[str, str]:
    return {
        one.cell(line, one.address): _id_in(one.cell(line, one.id))
        for one in lists
        if one.id >= 0 and one.address >= 0
        for line in one.lines
    }


def _id_in(cell: str) -> str:
    """Return the id in a cell, or in the name of its file; empty if there is none."""
    found = _ID.search(cell.partition("?")[0].partition("#")[0].strip())
    return found[1] if found else ""


def _is_address(cell: str) -> bool:
    return is_address(cell.strip())


def _rows(
    entries: Sequence[Entry], pictures: Mapping[str, Path], folder: Path
) -> list[tuple[str, str, str]]:
    """Return the lines of the catalogue table: the entries with a picture."""
    rows = []
    for entry in entries:
        if file := pictures.get(entry.product_id):
            image = Path(os.path.relpath(file, folder)).as_posix()
            if SEPARATOR in image:
                raise TableError(f"{file} has a {SEPARATOR!r} in its path; rename that folder")
            rows.append((entry.product_id, image, entry.name))
    return rows
