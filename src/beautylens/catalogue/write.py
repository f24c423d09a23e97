"""Atomic writing of table files: a reader sees the old or the new file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from beautylens.files.writing import new_file


def write_csv(
    path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]], *, mode: int = 0o666
) -> None:
    """Write column names and rows as CSV in UTF-8; what UTF-8 cannot encode is escaped."""
    part = path.with_name(f"{path.name}.part")
    binary = new_file(part, mode=mode)
    with io.TextIOWrapper(binary, "utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    part.replace(path)
