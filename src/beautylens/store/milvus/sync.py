"""Keeping a Milvus cluster in step with the gallery that it was filled from."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.store.milvus.checksums import Checksums, row_checksums
from beautylens.store.milvus.vector_index import MilvusIndex


class Side(NamedTuple):
    """Which version of the gallery a side was compared at, and how many images it had."""

    version: int | None
    images: int


class Difference(NamedTuple):
    """What a gallery and its cluster held, and in how many images they differed."""

    gallery: Side
    cluster: Side
    missing: int
    """Images that the cluster did not have, or not as they are now."""
    gone: int
    """Images that the gallery did not have; or not as they were, where nothing was written."""


def sync(
    index: MilvusIndex, progress: Callable[[int, int], None], *, write: bool = True
) -> Difference:
    """Write what a cluster lacks, and delete what is gone; return what differed before.

    Each image has a checksum of eight bytes on both sides; those of all images, and nothing else,
    are held in memory. What a sync that was killed has written is not written again.

    Args:
        index: the cluster, and the rows that it is to hold.
        progress: called with the images done, and all there are.
        write: whether to write the difference, or only to report it.

    Raises:
        CollectionError: when either side cannot be read, or the cluster cannot be written.
    """
    cluster, rows = index.cluster, index.rows
    version, total = rows.version, rows.count()
    if write and not cluster.exists():
        cluster.create(total)
    cluster.load()
    before = cluster.version()
    theirs = _sorted([checksums for _, checksums in cluster.stream()])
    ours, missing, done = list[Checksums](), 0, 0
    texts = index.texts
    for batch in rows.stream([*texts, *rows.vector_lengths]):
        read = pa.Table.from_batches([batch])
        checksums = row_checksums(read, texts)
        new = ~_among(checksums, theirs)
        ours.append(checksums)
        missing += int(new.sum())
        if write:
            index.upsert(read.filter(pa.array(new)))
        done += len(read)
        progress(done, total)
    found = _sorted(ours)
    others = int((~_among(theirs, found)).sum())
    if write:
        others = _delete_others(index, found) if others else 0
        cluster.settle(version)
    return Difference(Side(version, len(found)), Side(before, len(theirs)), missing, others)


def in_step(index: MilvusIndex) -> bool:
    """Tell whether a cluster is of its gallery's version and has as many images.

    Raises:
        CollectionError: when either cannot be read, or the cluster holds another gallery.
    """
    cluster, rows = index.cluster, index.rows
    if not cluster.exists():
        return False
    cluster.load()
    return cluster.version() == rows.version and index.count() == rows.count()


def _delete_others(index: MilvusIndex, known: Checksums) -> int:
    """Delete the cluster's images whose checksum is not among those known; return how many."""
    deleted = 0
    for ids, checksums in index.cluster.stream():
        others = np.flatnonzero(~_among(checksums, known))
        if len(others):
            index.delete([ids[number] for number in others])
            deleted += len(others)
    return deleted


def _sorted(parts: list[Checksums]) -> Checksums:
    checksums = np.concatenate([np.empty(0, np.int64), *parts])
    checksums.sort()
    return checksums


def _among(checksums: Checksums, known: Checksums) -> NDArray[np.bool_]:
    """Tell which checksums are among sorted ones."""
    indexes = np.searchsorted(known, checksums)
    found = np.zeros(len(checksums), bool)
    inside = indexes < len(known)
    found[inside] = known[indexes[inside]] == checksums[inside]
    return found
