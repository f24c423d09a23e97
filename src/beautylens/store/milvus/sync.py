"""Synchronisation of a Milvus cluster with its gallery."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from beautylens.arrays import Bool, Int64
from beautylens.store.milvus.checksums import row_checksums
from beautylens.store.milvus.vector_index import MilvusIndex


class Side(NamedTuple):
    """The version and number of images of one side at the comparison."""

    version: int | None
    images: int


class Difference(NamedTuple):
    """The difference between a gallery and its cluster, in images.

    missing: new or changed images, which the cluster does not have.
    gone: images that the gallery does not have, or without writing, not with the same values.
    """

    gallery: Side
    cluster: Side
    missing: int
    gone: int


def sync(
    index: MilvusIndex, progress: Callable[[int, int], None], *, write: bool = True
) -> Difference:
    """Write missing images to a cluster and delete others; return the difference before.

    Both sides have a checksum of eight bytes for each image; only these are held in memory. An
    interrupted sync is resumed.

    Args:
        index: the cluster, and the rows of the gallery.
        progress: called with the number of images done and of all.
        write: whether to write the difference, or only to return it.

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
    ours, missing, done = list[Int64](), 0, 0
    texts = index.rows.text_columns
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
        cluster.mark_synced(version)
    return Difference(Side(version, len(found)), Side(before, len(theirs)), missing, others)


def in_step(index: MilvusIndex) -> bool:
    """Return whether a cluster has the version and the number of images of its gallery.

    Raises:
        CollectionError: when either cannot be read, or the cluster is of another gallery.
    """
    cluster, rows = index.cluster, index.rows
    if not cluster.exists():
        return False
    cluster.load()
    return cluster.version() == rows.version and index.count() == rows.count()


def _delete_others(index: MilvusIndex, known: Int64) -> int:
    """Delete the images whose checksum is not in `known`; return their number."""
    deleted = 0
    for ids, checksums in index.cluster.stream():
        others = np.flatnonzero(~_among(checksums, known))
        if len(others):
            index.delete([ids[number] for number in others])
            deleted += len(others)
    return deleted


def _sorted(parts: list[Int64]) -> Int64:
    checksums = np.concatenate([np.empty(0, np.int64), *parts])
    checksums.sort()
    return checksums


def _among(checksums: Int64, known: Int64) -> Bool:
    """Return which checksums are in the sorted `known`, (N,) bool."""
    indexes = np.searchsorted(known, checksums)
    found = np.zeros(len(checksums), bool)
    inside = indexes < len(known)
    found[inside] = known[indexes[inside]] == checksums[inside]
    return found
