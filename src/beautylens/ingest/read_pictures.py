"""Reading the text on catalogue pictures: a stage of its own after the pictures are described."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import LifoQueue
from typing import Any, NamedTuple

from beautylens.errors import ImageError
from beautylens.files.paths import as_path
from beautylens.images.decode import decode
from beautylens.images.files import read_bytes
from beautylens.ingest.fill import COMMIT_IMAGES
from beautylens.ingest.progress import OnProgress, Progress, silent
from beautylens.runtime.native import cache_per_process
from beautylens.runtime.prefetch import prefetch
from beautylens.runtime.threads import core_count
from beautylens.store.columns import file_digest
from beautylens.store.gallery import Gallery
from beautylens.store.lance import of_products
from beautylens.store.picture_text import PictureLines
from beautylens.text.ocr import READABLE_SIDE, Line, Reader
from beautylens.text.tokens import identifies

Row = Mapping[str, Any]
# Pictures a thread that are in progress or wait to be written.
_WAITING = 4
# Seconds between commits: each rewrites the list of all fragments.
_COMMIT_SECONDS = 60.0


class PicturesRead(NamedTuple):
    """How many pictures were read, and how many could not be."""

    read: int
    failed: int


def read_pictures(
    gallery: Gallery,
    *,
    longest: int,
    nameless: bool = False,
    products: Iterable[str] | None = None,
    workers: int | None = None,
    progress: OnProgress = silent,
) -> PicturesRead:
    """Read the text on the pictures that were not read yet, or have changed since.

    Interrupted, it loses at most the pictures since the last commit. A picture that is gone, or is
    not the file that was indexed, is left out and tried again the next time.

    Args:
        gallery: whose pictures are read.
        longest: longer side in pixels of the pictures on which keypoints were extracted.
        nameless: only the pictures of products whose brand and name say little.
        products: only the pictures of these; all by default.
        workers: threads, 1 or more; all cores by default.
        progress: called after every picture.
    """
    missing = _missing(gallery, products, nameless=nameless)
    threads = workers or core_count()
    batch: list[PictureLines] = []
    failed, started = 0, time.monotonic()
    try:
        with ThreadPoolExecutor(threads) as pool:
            work = partial(_read, longest)
            for done, lines in enumerate(
                prefetch(pool, work, missing, _WAITING * threads), start=1
            ):
                failed += lines is None
                if lines is not None:
                    batch.append(lines)
                if len(batch) >= COMMIT_IMAGES or time.monotonic() - started >= _COMMIT_SECONDS:
                    gallery.picture_text.put(batch)
                    batch, started = [], time.monotonic()
                progress(Progress(done, len(missing), failed))
    finally:
        gallery.picture_text.put(batch)
    if len(missing) >= COMMIT_IMAGES:
        gallery.picture_text.compact()
    return PicturesRead(len(missing) - failed, failed)


def _missing(gallery: Gallery, products: Iterable[str] | None, *, nameless: bool) -> list[Row]:
    """Return the rows whose pictures were not read."""
    where = None if products is None else of_products(products)
    columns = ("image_id", "product_id", "path", "digest", "brand", "name")
    known = gallery.picture_text.digests(where)
    return [
        row
        for row in gallery.rows.select(columns, where).to_pylist()
        if known.get(row["image_id"]) != row["digest"]
        and not (nameless and identifies(f"{row['brand']} {row['name']}"))
    ]


@cache_per_process
def _idle_readers() -> LifoQueue[Reader]:
    """Return a reader for each core: several on one core each read more than one on all.

    The last used is the first to be used again, so that a lone picture loads no further one.
    """
    idle: LifoQueue[Reader] = LifoQueue()
    for _ in range(core_count()):
        idle.put(Reader(upright=True, threads=1))
    return idle


def _read(longest: int, row: Row) -> PictureLines | None:
    path = as_path(row["path"])
    try:
        data = read_bytes(path)
        picture = decode(data, name=str(path), least_side=READABLE_SIDE)
    except ImageError:
        return None
    if file_digest(data) != row["digest"]:
        return None
    scale = min(1.0, longest / max(picture.shape[:2]))
    reader = _idle_readers().get()
    try:
        lines = tuple(_scaled(line, scale) for line in reader(picture))
    finally:
        _idle_readers().put(reader)
    return PictureLines(row["image_id"], row["product_id"], row["digest"], lines)


def _scaled(line: Line, scale: float) -> Line:
    return replace(line, corners=tuple((x * scale, y * scale) for x, y in line.corners))
