"""Reading the text on catalogue pictures: a stage of its own after the pictures are described."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from queue import SimpleQueue
from typing import Any

from beautylens.errors import ImageError
from beautylens.files.paths import as_path
from beautylens.images.ahead import ahead
from beautylens.images.decode import decode
from beautylens.images.files import read_bytes
from beautylens.ingest.fill import COMMIT_IMAGES, COMMIT_SECONDS, OnProgress, Progress
from beautylens.inputs.several import several
from beautylens.runtime.native import cache_per_process
from beautylens.runtime.threads import core_count
from beautylens.store.gallery import Gallery
from beautylens.store.lance import of_products
from beautylens.store.picture_text import PictureLines
from beautylens.text.ocr import READABLE_SIDE, Line, Reader
from beautylens.text.tokens import identifies

Row = Mapping[str, Any]
# Pictures decoded before they are read.
_WAITING = 4


def read_pictures(
    gallery: Gallery,
    *,
    longest: int,
    nameless: bool = False,
    products: Iterable[str] | None = None,
    progress: OnProgress = lambda _: None,
) -> int:
    """Read the text on the pictures that were not read yet, or changed; return how many were read.

    Interrupted, it loses at most the pictures since the last commit. A picture that can no longer
    be read is left out.

    Args:
        gallery: whose pictures are read.
        longest: longer side in pixels of the pictures on which keypoints were extracted.
        nameless: only the pictures of products whose brand and name say little.
        products: only the pictures of these; all by default.
        progress: called after every picture.
    """
    where = None if products is None else of_products(several(products))
    columns = ("image_id", "product_id", "path", "digest", "brand", "name")
    known = gallery.picture_text.digests(where)
    missing = [
        row
        for row in gallery.rows.select(columns, where).to_pylist()
        if known.get(row["image_id"]) != row["digest"]
        and not (nameless and identifies(f"{row['brand']} {row['name']}"))
    ]
    if not missing:
        return 0
    batch: list[PictureLines] = []
    unreadable, started = 0, time.monotonic()
    with ThreadPoolExecutor(core_count()) as pool:
        work = partial(_read, longest)
        for done, lines in enumerate(ahead(pool, work, missing, _WAITING), start=1):
            unreadable += lines is None
            if lines is not None:
                batch.append(lines)
            if len(batch) >= COMMIT_IMAGES or time.monotonic() - started >= COMMIT_SECONDS:
                gallery.picture_text.put(batch)
                batch, started = [], time.monotonic()
            progress(Progress(done, len(missing), unreadable))
    gallery.picture_text.put(batch)
    gallery.picture_text.ensure_index()
    return len(missing) - unreadable


@cache_per_process
def _idle_readers() -> SimpleQueue[Reader]:
    """Return a reader for each core: several on one core each read more than one on all."""
    idle: SimpleQueue[Reader] = SimpleQueue()
    for _ in range(core_count()):
        idle.put(Reader(upright=True, threads=1))
    return idle


def _read(longest: int, row: Row) -> PictureLines | None:
    path = as_path(row["path"])
    try:
        picture = decode(read_bytes(path), name=str(path), least_side=READABLE_SIDE)
    except ImageError:
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
