"""Keeping a Milvus cluster in step with the gallery that it was filled from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.store.milvus.gallery import ClusteredGallery
from beautylens.store.rows import stacked
from beautylens.store.schema import PLAIN

# Of one request: with two vectors of 512 dimensions each image takes some 5 kB.
WRITTEN_ROWS = 1024
Checksums = NDArray[np.int64]


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
    gallery: ClusteredGallery, progress: Callable[[int, int], None], *, write: bool = True
) -> Difference:
    """Write what a cluster lacks, and delete what is gone; return what differed before.

    Each image has a checksum of eight bytes on both sides; those of all images, and nothing else,
    are held in memory. What a sync that was killed has written is found in place by the next.

    Args:
        gallery: the truth.
        progress: called with the images done, and all there are.
        write: whether to mend the difference, or only to tell it.

    Raises:
        CollectionError: when either side cannot be read, or the cluster cannot be written.
    """
    cluster, version, total = gallery.cluster, gallery.versions(), gallery.count()
    if write and not cluster.exists():
        cluster.create(total)
    cluster.load()
    before = cluster.version()
    theirs = _sorted([checksums for _, checksums in cluster.stream()])
    ours, missing, done = list[Checksums](), 0, 0
    plain = [*PLAIN, *gallery.extra]
    for batch in gallery.stream([*plain, *gallery.vector_lengths]):
        rows = pa.Table.from_batches([batch])
        checksums = row_checksums(rows, plain)
        new = ~_among(checksums, theirs)
        ours.append(checksums)
        missing += int(new.sum())
        if write:
            _write(gallery, rows.filter(pa.array(new)), checksums[new])
        done += len(rows)
        progress(done, total)
    found = _sorted(ours)
    others = int((~_among(theirs, found)).sum())
    if write:
        others = _delete_others(gallery, found) if others else 0
        cluster.settle(version)
    return Difference(Side(version, len(found)), Side(before, len(theirs)), missing, others)


def in_step(gallery: ClusteredGallery) -> bool:
    """Tell whether a cluster is of a gallery's version and has as many images.

    Raises:
        CollectionError: when either cannot be read, or the cluster holds another gallery.
    """
    cluster = gallery.cluster
    if not cluster.exists():
        return False
    cluster.load()
    return cluster.version() == gallery.versions() and cluster.count() == gallery.count()


def row_checksums(rows: pa.Table, plain: list[str]) -> Checksums:
    """Return a checksum of each row: (N,), of its texts with their columns' names and its vectors.

    Args:
        rows: columns of texts and of vectors.
        plain: the names of those of texts.
    """
    vectors = [stacked(rows[name]) for name in rows.column_names if name not in plain]
    sums = bytearray()
    for place, texts in enumerate(rows.select(plain).to_pylist()):
        digest = hashlib.blake2b(json.dumps(texts, sort_keys=True).encode(), digest_size=8)
        for stored in vectors:
            digest.update(stored[place].tobytes())
        sums += digest.digest()
    return np.frombuffer(bytes(sums), "<i8")


def _write(gallery: ClusteredGallery, rows: pa.Table, checksums: Checksums) -> None:
    for start in range(0, len(rows), WRITTEN_ROWS):
        part = slice(start, start + WRITTEN_ROWS)
        gallery.cluster.upsert(rows.slice(start, WRITTEN_ROWS), checksums[part])


def _delete_others(gallery: ClusteredGallery, known: Checksums) -> int:
    """Delete the cluster's images whose checksum is not among those known; return how many."""
    deleted = 0
    for ids, checksums in gallery.cluster.stream():
        others = np.flatnonzero(~_among(checksums, known))
        if len(others):
            gallery.cluster.delete([ids[place] for place in others])
            deleted += len(others)
    return deleted


def _sorted(parts: list[Checksums]) -> Checksums:
    checksums = np.concatenate([np.empty(0, np.int64), *parts])
    checksums.sort()
    return checksums


def _among(checksums: Checksums, known: Checksums) -> NDArray[np.bool_]:
    """Tell which checksums are among sorted ones."""
    places = np.searchsorted(known, checksums)
    found = np.zeros(len(checksums), bool)
    inside = places < len(known)
    found[inside] = known[places[inside]] == checksums[inside]
    return found
