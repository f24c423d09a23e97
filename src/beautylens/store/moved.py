"""Pictures that lie elsewhere than when they were indexed, told by their digests."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa

from beautylens.catalogue.checks import listed
from beautylens.catalogue.table import Catalogue
from beautylens.errors import ImageError
from beautylens.files.paths import as_path
from beautylens.images.ahead import ahead, batches
from beautylens.images.files import read_bytes
from beautylens.images.parquet import is_gone
from beautylens.store.columns import file_digest
from beautylens.store.gallery import Gallery

_THREADS, _ROWS_A_COMMIT = 8, 10_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A picture that a gallery holds: the path it has there, and the path that a table gives."""

    image_id: str
    product_id: str
    stored: str
    named: str
    digest: str


def follow_moved(gallery: Gallery, present: Catalogue) -> tuple[set[str], list[str]]:
    """Change the stored paths of pictures that a table names elsewhere now.

    Args:
        gallery: holds the pictures.
        present: the lines of a catalogue whose images the gallery holds.

    Returns:
        The products of which another picture lies where the table says, and notes on what was
        changed and on pictures that are at no path any more.
    """
    pictures = _pictures(gallery, present)
    elsewhere = [each for each in pictures if each.stored != each.named]
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = list(ahead(pool, _digest, (each.named for each in elsewhere), 4 * _THREADS))
    found = list(zip(elsewhere, digests, strict=True))
    moved = [each for each, digest in found if digest == each.digest]
    for batch in batches(moved, _ROWS_A_COMMIT):
        gallery.rows.replace(_paths(batch))
    there = {each.image_id for each, digest in found if digest is not None}
    gone = [
        each for each in pictures if each.image_id not in there and is_gone(as_path(each.stored))
    ]
    changed = {each.product_id for each, digest in found if digest not in (None, each.digest)}
    return changed, _notes(moved, gone, changed)


def _pictures(gallery: Gallery, present: Catalogue) -> list[Listed]:
    lines = present.rows.select(["image_id", "product_id", "image"]).to_pylist()
    named = {line["image_id"]: line for line in lines}
    return [
        Listed(
            row["image_id"],
            line["product_id"],
            row["path"],
            str(present.image_path(line["image"]).absolute()),
            row["digest"],
        )
        for batch in gallery.rows.stream(["image_id", "path", "digest"])
        for row in batch.to_pylist()
        if (line := named.get(row["image_id"])) is not None
    ]


def _digest(path: str) -> str | None:
    """Return the digest of the file at a path; None where none can be read."""
    try:
        return file_digest(read_bytes(as_path(path)))
    except ImageError:
        return None


def _paths(moved: Sequence[Listed]) -> pa.Table:
    return pa.table(
        {
            "image_id": pa.array([each.image_id for each in moved], pa.string()),
            "digest": pa.array([each.digest for each in moved], pa.string()),
            "path": pa.array([each.named for each in moved], pa.string()),
        }
    )


def _notes(moved: Sequence[Listed], gone: Sequence[Listed], changed: set[str]) -> list[str]:
    notes = []
    if moved:
        paths = listed([f"{each.stored} is {each.named} now" for each in moved])
        notes.append(
            f"{len(moved):,} pictures have moved and are known at their new paths: {paths}"
        )
    if changed:
        ids = listed(sorted(changed))
        notes.append(f"{len(changed):,} products have other pictures where the table says: {ids}")
    if gone:
        paths = listed([each.stored for each in gone])
        notes.append(
            f"{len(gone):,} pictures are found but cannot be shown, for their files are gone: "
            f"{paths}; bring them back, or index a table that names where they are"
        )
    return notes
