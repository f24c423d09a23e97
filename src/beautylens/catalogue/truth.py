"""The truth table: which products each query photo shows."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from beautylens.catalogue.readers import SEPARATOR, open_text, read_table, reading
from beautylens.catalogue.refusal import refuse, require_columns
from beautylens.catalogue.table import ADDRESS
from beautylens.errors import TableError

CHALLENGE_HEADER = ("Validation Image ID", "Training Image ID")
# Where the challenge's photos are looked for when they are not beside the table.
PHOTO_FOLDERS = ("queries", "validation")
PHOTO_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".avif", ".gif", ".tif", ".tiff", ".bmp")
)


@dataclass(frozen=True, slots=True)
class TruthRow:
    """The right answers for one query photo; none means that it is not in the catalogue.

    Products of `ignore_ids`, such as another size of the right one, count neither as right nor
    as wrong. `row` is counted from 1 below the column names.
    """

    image: Path
    product_ids: frozenset[str]
    ignore_ids: frozenset[str] = frozenset()
    kind: str = ""
    row: int = 0


def read_truth(path: Path) -> tuple[TruthRow, ...]:
    """Read a truth table, in the order of the file.

    Columns `image` (a path relative to the table) and `product_ids` (joined by `;`, may be
    empty), optional `ignore_ids` and `kind`; others are left unread. The Perfect-500K challenge's
    own CSV is known by its header: its photos are the files named after the id, beside the table
    or in its folder `queries` or `validation`.

    Raises:
        TableError: when the table cannot be read, or a column or row of it is wrong.
    """
    truths = _challenge_rows(path) if _is_challenge(path) else _plain_rows(path)
    first: dict[Path, int] = {}
    faults = []
    for truth in truths:
        earlier = first.setdefault(truth.image, truth.row)
        if earlier != truth.row:
            faults.append(f"rows {earlier} and {truth.row} both name {truth.image.name}")
    refuse(path, faults, "Keep one row for each query photo")
    return truths


def _plain_rows(path: Path) -> tuple[TruthRow, ...]:
    table = read_table(path)
    require_columns(path, table.column_names, ("image", "product_ids"))
    truths, faults = [], []
    for row, fields in enumerate(table.to_pylist(), 1):
        image = fields["image"].strip()
        right, ignored = _ids(fields["product_ids"]), _ids(fields.get("ignore_ids", ""))
        if not image:
            faults.append(f"row {row} has no image")
        elif re.match(ADDRESS, image):
            faults.append(f"row {row} has a web address as its image")
        elif both := sorted(right & ignored):
            faults.append(f"row {row} has {', '.join(both)} both as right and as ignored")
        truths.append(TruthRow(path.parent / image, right, ignored, fields.get("kind", ""), row))
    refuse(path, faults, "Give each row a picture file, and each product one meaning")
    return tuple(truths)


def _ids(text: str) -> frozenset[str]:
    return frozenset(stripped for part in text.split(SEPARATOR) if (stripped := part.strip()))


def _is_challenge(path: Path) -> bool:
    if path.suffix.lower() != ".csv":
        return False
    with reading(path), open_text(path) as file:
        header = next(csv.reader(file), [])
    return tuple(name.strip() for name in header[:2]) == CHALLENGE_HEADER


def _challenge_rows(path: Path) -> tuple[TruthRow, ...]:
    """Read lines of a photo's id and as many product ids as are right."""
    with reading(path), open_text(path) as file:
        lines = [line for line in csv.reader(file) if line][1:]
    if not lines:
        raise TableError(f"{path} has no rows; give at least one below the column names")
    photos = _photos(path.parent)
    truths, faults = [], []
    for row, (photo, *products) in enumerate(lines, 1):
        image = photos.get(photo.strip())
        if image is None:
            faults.append(f"row {row} names {photo.strip()!r}, of which there is no picture")
        else:
            truths.append(TruthRow(image, _ids(SEPARATOR.join(products)), row=row))
    refuse(path, faults, f"Put the photos into its folder, {' or '.join(PHOTO_FOLDERS)}")
    return tuple(truths)


def _photos(folder: Path) -> dict[str, Path]:
    """Return the picture files that belong to a challenge table, by their name without suffix."""
    found: dict[str, Path] = {}
    for place in (folder, *(folder / name for name in PHOTO_FOLDERS)):
        for file in sorted(place.iterdir()) if place.is_dir() else ():
            if file.suffix.lower() in PHOTO_SUFFIXES:
                found.setdefault(file.stem, file)
    return found
