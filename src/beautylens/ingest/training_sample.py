"""Training data from a catalogue: a sample, its descriptors and its keypoints."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.catalogue.table import Catalogue
from beautylens.errors import ImageError
from beautylens.features.local.extractors import Extractor
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.decode import decode
from beautylens.ingest.fill import Described, Describer, Row, rows_of
from beautylens.ingest.progress import OnProgress, Progress
from beautylens.runtime.prefetch import prefetch
from beautylens.runtime.threads import core_count


def sample(catalogue: Catalogue, limit: int) -> Catalogue:
    """Return a random sample of at most `limit` rows of a catalogue, ordered by image id.

    Digests of the image ids decide, so that a reordered table gives the same sample.
    """
    rows = catalogue.rows
    if len(catalogue) > limit:
        ids = rows["image_id"].to_pylist()
        ranks = [hashlib.blake2b(image_id.encode(), digest_size=8).digest() for image_id in ids]
        rows = rows.take(pa.array(sorted(range(len(ids)), key=ranks.__getitem__)[:limit]))
    return replace(catalogue, rows=rows.sort_by("image_id"))


def descriptors_of(catalogue: Catalogue, describer: Describer, progress: OnProgress) -> Float32:
    """Return the descriptors (N, D) of the readable pictures of a catalogue.

    Raises:
        ImageError: when none can be read.
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
    """Return the strongest keypoints of each readable picture of a catalogue.

    Args:
        catalogue: the pictures.
        extractor: extracts the keypoints.
        progress: called after every picture.
        longest: pixels to which the longer side is shrunk.
        limit: number of the strongest keypoints per picture.
        workers: threads; all cores by default.

    Raises:
        ImageError: when none can be read.
    """

    def taken(row: Row) -> Keypoints | ImageError:
        try:
            picture = decode(catalogue.image_path(row["image"]), least_side=longest)
        except ImageError as error:
            # Failures are recorded by the build that follows.
            return error
        return extractor(picture, longest=longest, limit=limit)

    found: list[Keypoints] = []
    first = ""
    count = workers or core_count()
    with ThreadPoolExecutor(count) as pool:
        everything = prefetch(pool, taken, rows_of(catalogue), 4 * count)
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
        f"none of the {len(catalogue):,} pictures of the table in {folder} can be read; the first: "
        f"{first}"
    )
