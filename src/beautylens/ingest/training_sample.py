"""What is learnt from: a sample of a catalogue, its descriptors and its keypoints."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.catalogue.table import Catalogue
from beautylens.errors import ImageError
from beautylens.features.local.extractors import Extractor
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.ahead import ahead
from beautylens.images.decode import decode
from beautylens.ingest.fill import Described, Describer, OnProgress, Progress, Row, rows_of
from beautylens.runtime.threads import core_count


def sample(catalogue: Catalogue, limit: int) -> Catalogue:
    """Return at most `limit` lines of a catalogue, by id, drawn without regard to their order.

    The digests of the image ids decide, so that a re-ordered table gives the same sample.
    """
    rows = catalogue.rows
    if len(catalogue) > limit:
        ids = rows["image_id"].to_pylist()
        ranks = [hashlib.blake2b(image_id.encode(), digest_size=8).digest() for image_id in ids]
        rows = rows.take(pa.array(sorted(range(len(ids)), key=ranks.__getitem__)[:limit]))
    return replace(catalogue, rows=rows.sort_by("image_id"))


def descriptors_of(
    catalogue: Catalogue, describer: Describer, progress: OnProgress
) -> NDArray[np.float32]:
    """Return the descriptors (N, D) of the pictures of a catalogue that can be read.

    Raises:
        ImageError: when none of them can.
    """
    rows, first = [], ""
    for done, item in enumerate(describer(rows_of(catalogue), catalogue.folder), start=1):
        if isinstance(item, Described):
            rows.append(item.descriptor)
        elif not first:
            first = item.error
        progress(Progress(done, len(catalogue), done - len(rows)))
    if not rows:
        raise _none_readable(catalogue, first)
    return np.stack(rows)


def keypoints_of(
    catalogue: Catalogue,
    extractor: Extractor,
    progress: OnProgress,
    *,
    longest: int,
    limit: int,
    workers: int | None = None,
) -> list[Keypoints]:
    """Return the strongest keypoints of each picture of a catalogue that can be read.

    Args:
        catalogue: names the pictures.
        extractor: takes the keypoints.
        progress: called after every picture.
        longest: pixels to which the longer side is shrunk first.
        limit: how many of the strongest to take of each.
        workers: threads; all cores by default.

    Raises:
        ImageError: when none of the pictures can be read.
    """

    def taken(row: Row) -> Keypoints | ImageError:
        try:
            picture = decode(catalogue.image_path(row["image"]), least_side=longest)
        except ImageError as error:
            # The build itself, which follows, notes which pictures cannot be read.
            return error
        return extractor(picture, longest=longest, limit=limit)

    found: list[Keypoints] = []
    first = ""
    count = workers or core_count()
    with ThreadPoolExecutor(count) as pool:
        everything = ahead(pool, taken, rows_of(catalogue), 4 * count)
        for done, keypoints in enumerate(everything, start=1):
            if isinstance(keypoints, ImageError):
                first = first or str(keypoints)
            else:
                found.append(keypoints)
            progress(Progress(done, len(catalogue), done - len(found)))
    if not found:
        raise _none_readable(catalogue, first)
    return found


def _none_readable(catalogue: Catalogue, first: str) -> ImageError:
    folder = catalogue.folder.absolute()
    return ImageError(
        f"none of {len(catalogue)} pictures of the table in {folder} can be read; first: {first}"
    )
