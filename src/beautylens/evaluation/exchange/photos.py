"""One row per search as CSV, and the measures in it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.catalogue.write import sheet_row, write_csv
from beautylens.errors import TableError
from beautylens.evaluation.evaluate import COLUMNS, Evaluation
from beautylens.evaluation.metrics import MEASURES

# The columns that the measures are read from.
_NEEDED = ("image", "left_out", "product_ids", "rank", "ap7_challenge", "ap7_all")


def write_photos(measured: Evaluation, path: Path) -> None:
    """Write one CSV row per search with unrounded values; several ids are joined by `;`."""
    rows = (sheet_row(_cell(row[name]) for name in COLUMNS) for row in measured.rows())
    write_csv(path, COLUMNS, rows)


def read_photos(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV of photos, by column.

    Raises:
        TableError: when it cannot be read, or is not such a CSV.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"{path}: cannot be read ({error})") from error
    missing = [name for name in _NEEDED if not rows or name not in rows[0]]
    if missing:
        raise TableError(
            f"{path}: has no column {missing[0]}; give the results of `beautylens evaluate "
            "--results` or `--per-photo`"
        )
    return rows


def measures_by_photo(path: Path) -> dict[str, Sequence[float]]:
    """Return the values of `MEASURES` of each photo with relevant products in a CSV.

    Raises:
        TableError: when it cannot be read, or is not such a CSV.
    """
    try:
        return {
            row["image"]: _measures(row)
            for row in read_photos(path)
            if row["product_ids"] and not row["left_out"]
        }
    except ValueError as error:
        raise TableError(f"{path}: a value is no number ({error})") from error


def _measures(row: dict[str, str]) -> tuple[float, ...]:
    # Ranks are counted from 1; a photo without a relevant product in its results has none.
    rank = int(row["rank"]) if row["rank"] else 0
    values = {
        "map7_challenge": float(row["ap7_challenge"]),
        "map7_all": float(row["ap7_all"]),
        "recall1": float(rank == 1),
        "recall7": float(1 <= rank <= 7),
        "mrr": 1 / rank if rank else 0.0,
    }
    return tuple(values[name] for name in MEASURES)


def _cell(value: object) -> object:
    return SEPARATOR.join(value) if isinstance(value, list) else value
