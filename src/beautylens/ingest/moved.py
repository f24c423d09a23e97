"""Pictures that were moved since they were indexed, recognised by their digests."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from beautylens.catalogue.checks import listed
from beautylens.catalogue.table import Catalogue
from beautylens.errors import ImageError
from beautylens.files.paths import as_path
from beautylens.images.files import read_bytes
from beautylens.images.parquet import is_gone
from beautylens.inputs.counts import counted
from beautylens.runtime.prefetch import batches, prefetch
from beautylens.store.columns import file_digest
from beautylens.store.gallery import Gallery

_THREADS, _COMMIT_ROWS = 8, 10_000


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture with its stored path and its path in the catalogue table."""

    image_id: str
    product_id: str
    stored: str
    listed: str
    digest: str


def follow_moved(gallery: Gallery, present: Catalogue) -> tuple[set[str], list[str]]:
    """Update the stored paths of pictures that have another path in a table now.

    Args:
        gallery: has the pictures.
        present: the rows of a catalogue whose images the gallery has.

    Returns:
        The products with another picture at the path in the table, and notes on the changed paths
        and on missing files.
    """
    pictures = _pictures(gallery, present)
    elsewhere = [each for each in pictures if each.stored != each.listed]
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = list(prefetch(pool, _digest, (each.listed for each in elsewhere), 4 * _THREADS))
    found = list(zip(elsewhere, digests, strict=True))
    moved = [each for each, digest in found if digest == each.digest]
    for batch in batches(moved, _COMMIT_ROWS):
        gallery.rows.replace(_paths(batch))
    there = {each.image_id for each, digest in found if digest is not None}
    gone = [
        each for each in pictures if each.image_id not in there and is_gone(as_path(each.stored))
    ]
    changed = {each.product_id for each, digest in found if digest not in (None, each.digest)}
    return changed, _notes(moved, gone, changed)


def _pictures(gallery: Gallery, present: Catalogue) -> list[_Picture]:
    columns = present.rows.select(["image_id", "product_id", "image"]).to_pylist()
    rows = {row["image_id"]: row for row in columns}
    return [
        _Picture(
            row["image_id"],
            listed_row["product_id"],
            row["path"],
            str(present.image_path(listed_row["image"]).absolute()),
            row["digest"],
        )
        for batch in gallery.rows.stream(["image_id", "path", "digest"])
        for row in batch.to_pylist()
        if (listed_row := rows.get(row["image_id"])) is not None
    ]


def _digest(path: str) -> str | None:
    """Return the digest of the file at a path; None if it cannot be read."""
    try:
        return file_digest(read_bytes(as_path(path)))
    except ImageError:
        return None


def _paths(moved: Sequence[_Picture]) -> pa.Table:
    return pa.table(
        {
            "image_id": pa.array([each.image_id for each in moved], pa.string()),
            "digest": pa.array([each.digest for each in moved], pa.string()),
            "path": pa.array([each.listed for each in moved], pa.string()),
        }
    )


def _notes(moved: Sequence[_Picture], gone: Sequence[_Picture], changed: set[str]) -> list[str]:
    notes = []
    if moved:
        paths = listed([f"{each.stored} is now {each.listed}" for each in moved])
        notes.append(f"{counted(len(moved), 'moved picture')} found at new paths: {paths}")
    if changed:
        ids = listed(sorted(changed))
        notes.append(f"{counted(len(changed), 'product')} with other pictures in the table: {ids}")
    if gone:
        paths = listed([each.stored for each in gone])
        notes.append(
            f"{counted(len(gone), 'indexed picture')} without a file, which cannot be shown: "
            f"{paths}; restore the files, or index a table with their new paths"
        )
    return notes
