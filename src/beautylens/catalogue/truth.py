"""The truth table: the right products of each query photo."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from beautylens.catalogue.checks import refuse, require_columns
from beautylens.catalogue.delimited import read_rows
from beautylens.catalogue.image_cells import on_this_system, one_picture
from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.catalogue.product_rows import same_file
from beautylens.catalogue.readers import copied, read_copy, reading
from beautylens.catalogue.text_files import open_text, table_encoding
from beautylens.errors import TableError
from beautylens.files.paths import AnyPath, as_path, is_unsupported, path_in
from beautylens.images.files import PICTURE_SUFFIXES
from beautylens.inputs.several import several
from beautylens.inputs.unicode_text import composed

CHALLENGE_HEADER = ("Validation Image ID", "Training Image ID")
# Truth table in the folder of what a server keeps.
ANSWERS = "answers.csv"
# Subfolders of the table's folder for the challenge's photos.
PHOTO_FOLDERS = ("queries", "validation")


@dataclass(frozen=True, slots=True)
class TruthRow:
    """The right products of one query photo; none means that it is not in the catalogue.

    Products of `ignore_ids`, such as another size of the right one, count neither as right nor as
    wrong. `row` is counted from 1 below the column names.
    """

    image: AnyPath
    product_ids: frozenset[str]
    ignore_ids: frozenset[str] = frozenset()
    kind: str = ""
    row: int = 0

    def __post_init__(self) -> None:
        for name in ("product_ids", "ignore_ids"):
            object.__setattr__(self, name, frozenset(several(getattr(self, name))))


def read_truth(path: str | AnyPath) -> tuple[TruthRow, ...]:
    """Read a truth table, in the order of the file.

    Columns `image` (a path relative to the table, or an address) and `product_ids` (joined by `;`,
    may be empty), optional `ignore_ids` and `kind`; others are ignored. The CSV of the Perfect-500K
    challenge is recognised by its header: its photos are the files named after the id, in the
    table's folder or its subfolder `queries` or `validation`. A folder is that of a server's
    `--keep-queries`, with `answers.csv`.

    Raises:
        TableError: when the table cannot be read, or a column or row is wrong.
    """
    path = as_path(path)
    if isinstance(path, Path) and path.is_dir():
        path = path / ANSWERS
    with copied(path) as file:
        if _is_challenge(file):
            return _without_repeats(path, _challenge_rows(file, path.parent))
        return truth_of(path, read_copy(path, file), path.parent)


def truth_of(path: AnyPath | str, table: pa.Table, folder: AnyPath) -> tuple[TruthRow, ...]:
    """Return the truth rows of a table of strings.

    Args:
        path: the table's name in errors.
        table: its rows, as returned by `read_table`.
        folder: the folder of relative paths.

    Raises:
        TableError: when a column or row is wrong.
    """
    return _without_repeats(path, _plain_rows(path, table, folder))


def _without_repeats(path: AnyPath | str, truths: tuple[TruthRow, ...]) -> tuple[TruthRow, ...]:
    """Refuse a truth table that names a photo twice."""
    first: dict[str, int] = {}
    faults = []
    for truth in truths:
        earlier = first.setdefault(same_file(truth.image), truth.row)
        if earlier != truth.row:
            faults.append(f"rows {earlier} and {truth.row} both name {truth.image.name}")
    refuse(path, faults, "Keep one row for each query photo")
    return truths


def _plain_rows(path: AnyPath | str, table: pa.Table, folder: AnyPath) -> tuple[TruthRow, ...]:
    require_columns(path, table.column_names, ("image", "product_ids"))
    truths, faults = [], []
    for row, fields in enumerate(table.to_pylist(), 1):
        if not any(map(str.strip, fields.values())):
            continue
        image = on_this_system(one_picture(fields["image"]), folder)
        right, ignored = _ids(fields["product_ids"]), _ids(fields.get("ignore_ids", ""))
        if not image:
            faults.append(f"row {row} has no image")
        elif is_unsupported(image):
            faults.append(f"row {row} has an image of a strange kind of address")
        elif both := sorted(right & ignored):
            faults.append(f"row {row} has {', '.join(both)} both as right and as ignored")
        photo, kind = path_in(folder, image), fields.get("kind", "")
        truths.append(TruthRow(photo, right, ignored, kind, row))
    refuse(path, faults, "Give each row a picture file, and each product one meaning")
    return tuple(truths)


def _ids(text: str) -> frozenset[str]:
    parts = composed(text).split(SEPARATOR)
    return frozenset(stripped for part in parts if (stripped := part.strip()))


def _is_challenge(path: Path) -> bool:
    if path.suffix.lower() != ".csv":
        return False
    with reading(path), open_text(path, table_encoding(path)) as file:
        header = next(csv.reader(file), [])
    return tuple(name.strip() for name in header[:2]) == CHALLENGE_HEADER


def _challenge_rows(path: Path, folder: AnyPath) -> tuple[TruthRow, ...]:
    """Read lines of a photo's id and its right product ids."""
    with reading(path):
        lines = read_rows(path, ragged=True)[1:]
    if not lines:
        raise TableError(f"{path} has no rows; give at least one below the column names")
    photos = _photos(folder)
    truths, faults = [], []
    for row, (photo, *products) in enumerate(lines, 1):
        image = photos.get(composed(photo.strip()))
        if image is None:
            faults.append(f"row {row} names {photo.strip()!r}, which has no picture")
        else:
            truths.append(TruthRow(image, _ids(SEPARATOR.join(products)), row=row))
    refuse(path, faults, f"Put the photos into its folder, {' or '.join(PHOTO_FOLDERS)}")
    return tuple(truths)


def _photos(folder: AnyPath) -> dict[str, AnyPath]:
    """Return the picture files of a challenge table, by their name without suffix."""
    found: dict[str, AnyPath] = {}
    for holding in (folder, *(folder / name for name in PHOTO_FOLDERS)):
        files: Iterable[AnyPath] = holding.iterdir() if holding.is_dir() else ()
        for file in sorted(files, key=str):
            if file.suffix.lower() in PICTURE_SUFFIXES:
                found.setdefault(composed(file.stem), file)
    return found
