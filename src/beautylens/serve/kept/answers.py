"""The answers of people: photos with a truth table of the products that they show."""

from __future__ import annotations

import csv
import hashlib
import os
import threading
from collections.abc import Collection
from pathlib import Path

from beautylens.catalogue.truth import ANSWERS
from beautylens.catalogue.write import write_csv
from beautylens.errors import CollectionError
from beautylens.files.writing import PRIVATE, PRIVATE_FOLDER, new_file
from beautylens.serve.problems import HTTPProblem
from beautylens.store.write_lock import write_lock

TABLE, PHOTOS, KIND = ANSWERS, "photos", "page"
COLUMNS = ("image", "product_ids", "kind")
# Maximum number of stored answers, because anybody may send them.
MOST = 10_000
# Maximum size of all stored photos.
MOST_BYTES = 4 << 30


def photo_name(photo: bytes) -> str:
    """Return the name of a photo (JPEG) in the folder, the same for the same photo."""
    return f"{PHOTOS}/{hashlib.blake2b(photo, digest_size=16).hexdigest()}.jpg"


def make_folders(folder: Path) -> None:
    """Create the folder of answers and that of its photos, readable by this user only."""
    for each in (folder, folder / PHOTOS):
        each.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)


def write_photo(folder: Path, photo: bytes) -> str:
    """Write a photo unless it is there, and return its name in the folder."""
    name = photo_name(photo)
    file = folder / name
    if not file.exists():
        # Complete or not at all: another process may read it.
        part = file.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        try:
            with new_file(part, mode=PRIVATE) as written:
                written.write(photo)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    return name


class Answers:
    """A folder of photos with a truth table of the products that users chose.

    `train pairs` and `evaluate` read the table. Several processes may write it.

    Args:
        folder: created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def table(self) -> Path:
        """The truth table."""
        return self._folder / TABLE

    def keep(self, photo: bytes, product_id: str, *, limited: bool = True) -> None:
        """Store a photo (JPEG) and its product, replacing an earlier answer on the same photo.

        Args:
            photo: the file's bytes.
            product_id: the product, or empty for none of the catalogue.
            limited: whether it counts against the limits, as answers of anybody do.

        Raises:
            HTTPProblem: 507 when the folder is full.
            CollectionError: when it cannot be written.
        """
        name = photo_name(photo)
        try:
            make_folders(self._folder)
            with write_lock(self._folder):
                rows = self._rows()
                if limited and name not in rows and not self._has_room(rows, len(photo)):
                    raise HTTPProblem(
                        507,
                        "feedback-full",
                        f"the limit of {MOST:,} answers or {MOST_BYTES >> 20:,} MiB of photos is "
                        "reached; ask the operator to move them",
                    )
                rows[name] = (name, product_id, KIND)
                write_photo(self._folder, photo)
                write_csv(self.table, COLUMNS, rows.values(), mode=PRIVATE)
        except OSError as error:
            raise CollectionError(f"{self._folder} cannot be written ({error.strerror})") from error

    def forget(self, photos: Collection[str]) -> None:
        """Remove the answers on photos, given by their names in the folder."""
        with write_lock(self._folder):
            rows = self._rows()
            kept = [row for name, row in rows.items() if name not in photos]
            if len(kept) < len(rows):
                write_csv(self.table, COLUMNS, kept, mode=PRIVATE)

    def photos(self) -> frozenset[str]:
        """Return the names of the photos that have an answer."""
        return frozenset(self._rows())

    def _has_room(self, names: Collection[str], size: int) -> bool:
        """Return whether one more photo of this size may be stored beside these."""
        files = (self._folder / name for name in names)
        kept = sum(file.stat().st_size for file in files if file.exists())
        return len(names) < MOST and kept + size <= MOST_BYTES

    def _rows(self) -> dict[str, tuple[str, ...]]:
        """Return the rows of the table by photo."""
        if not self.table.exists():
            return {}
        with self.table.open(encoding="utf-8", newline="") as file:
            return {
                row["image"]: tuple(row.get(name) or "" for name in COLUMNS)
                for row in csv.DictReader(file)
            }
