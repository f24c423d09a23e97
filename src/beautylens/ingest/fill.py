"""Filling a gallery from a catalogue table: decode, describe, commit in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beautylens.arrays import Float32, UInt8
from beautylens.catalogue.table import Catalogue
from beautylens.errors import EncoderError, ImageError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.decoded_side import decoded_side
from beautylens.features.local.extractors import Extractor, rootsift
from beautylens.features.local.keypoints import NO_KEYPOINTS
from beautylens.features.local.vlad import VladEncoder
from beautylens.files.paths import AnyPath, path_in
from beautylens.images.decode import decode
from beautylens.images.files import read_bytes
from beautylens.images.thumbnail import Thumbnail
from beautylens.ingest.moved import follow_moved
from beautylens.ingest.progress import OnProgress, Progress, silent
from beautylens.ingest.row_failures import record_row_failures, row_failures
from beautylens.inputs.counts import none_or_at_least_one
from beautylens.runtime.prefetch import prefetch
from beautylens.runtime.threads import core_count, one_blas_thread
from beautylens.store.columns import file_digest, vectors
from beautylens.store.failures import Failure
from beautylens.store.gallery import Gallery
from beautylens.store.schema import PLAIN

Row = Mapping[str, Any]
# Images or seconds after which a commit is due: more lose more work if the process is killed.
COMMIT_IMAGES = 512
COMMIT_SECONDS = 5.0
# Pictures per thread that are described ahead, while a commit is written.
AHEAD = 16


@dataclass(frozen=True, slots=True)
class Filled:
    """The result of a build, in images, with its failures and notes."""

    written: int
    present: int
    failures: tuple[Failure, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """The stored values of one catalogue picture."""

    row: Row
    digest: str
    descriptor: Float32
    precision: str
    vlad: Float32 | None
    keypoints: bytes
    thumbnail: Thumbnail | None

    @property
    def product_id(self) -> str:
        """The product that the picture shows."""
        return str(self.row["product_id"])


# From rows and the folder of their pictures to the stored values of each, or its failure, in order.
Describe = Callable[[Iterable[Row], AnyPath], Iterator[Described | Failure]]


class Describer:
    """Describes catalogue pictures: decoding, network and keypoints, one picture per core.

    Each thread processes its picture completely, so that all cores are busy whichever step is the
    slowest. Batches on all cores were no faster and needed two and a half times the memory.

    Args:
        encoder: computes the deep descriptor.
        keypoints: number of the strongest keypoints to store; 0 for none.
        longest: pixels to which the longer side is shrunk for keypoints.
        extractor: extracts them; RootSIFT by default.
        vlad: encodes them as one vector.
        thumbnails: whether to store thumbnails.
        workers: threads; all cores by default.
    """

    def __init__(
        self,
        encoder: BaseEncoder,
        *,
        keypoints: int,
        longest: int,
        extractor: Extractor | None = None,
        vlad: VladEncoder | None = None,
        thumbnails: bool = False,
        workers: int | None = None,
    ) -> None:
        self._encoder, self._keypoints, self._longest = encoder, keypoints, longest
        self._vlad, self._thumbnails = vlad, thumbnails
        self._extract = extractor or rootsift()
        self._workers = none_or_at_least_one(workers, "workers") or core_count()

    def __call__(self, rows: Iterable[Row], folder: AnyPath) -> Iterator[Described | Failure]:
        """Yield the stored values of each row's picture, or its failure, in order."""
        encoder = self._encoder.shared_by(self._workers)
        # Several BLAS threads for the whitening of one picture would compete with the network.
        with one_blas_thread(), ThreadPoolExecutor(self._workers) as pool:
            work = partial(self._describe, encoder, folder)
            yield from prefetch(pool, work, rows, AHEAD * self._workers)

    def _describe(self, encoder: BaseEncoder, folder: AnyPath, row: Row) -> Described | Failure:
        path = path_in(folder, row["image"])
        wanted = decoded_side(encoder.side, self._longest if self._keypoints else 0)
        try:
            stored_path(path)
            data = read_bytes(path)
            picture = decode(data, name=str(path), least_side=wanted)
        except ImageError as error:
            return Failure(row["image_id"], row["product_id"], row["image"], row["row"], str(error))
        found = NO_KEYPOINTS
        if self._keypoints:
            found = self._extract(picture, longest=self._longest, limit=self._keypoints)
        return Described(
            row,
            file_digest(data),
            _descriptor(encoder, picture),
            encoder.precision,
            self._vlad([found])[0] if self._vlad else None,
            found.to_bytes(),
            Thumbnail.of(picture, self._longest) if self._thumbnails else None,
        )


def _descriptor(encoder: BaseEncoder, picture: UInt8) -> Float32:
    (descriptor,) = encoder.describe([encoder.fit(picture)])
    if not np.isfinite(descriptor).all():
        raise EncoderError(
            f"encoder '{encoder.name}' returns descriptors that are not finite; check its pooling "
            "options, mean and standard deviation"
        )
    return np.asarray(descriptor)


def fill(
    gallery: Gallery,
    catalogue: Catalogue,
    describer: Describe,
    *,
    resume: bool,
    stop_on_error: bool = False,
    progress: OnProgress = silent,
) -> Filled:
    """Write a catalogue's products into a gallery, in commits of a few hundred images.

    A commit has whole products. If the process is killed, the images since the last commit are
    lost, and `resume` continues from there.

    Args:
        gallery: to fill.
        catalogue: the products.
        describer: describes the pictures.
        resume: skip products with all images in the gallery.
        stop_on_error: raise at the first picture that cannot be read, instead of recording it.
        progress: called after every image.

    Raises:
        ImageError: when a picture cannot be read and `stop_on_error` is set.
    """
    faults = row_failures(catalogue)
    if stop_on_error and faults:
        raise ImageError(f"row {faults[0].row}: {faults[0].error}")
    missing, notes = _missing(catalogue, gallery) if resume else (catalogue, ())
    failures: list[Failure] = []
    batch = _Batch(gallery, catalogue)
    for done, item in enumerate(describer(rows_of(missing), catalogue.folder), start=1):
        if isinstance(item, Failure):
            if stop_on_error:
                raise ImageError(f"row {item.row}: {item.error}")
            failures.append(item)
        if batch.is_due(item):
            batch.commit()
        batch.items.append(item)
        progress(Progress(done, len(missing), len(failures)))
    batch.commit()
    written = len(missing) - len(failures)
    record_row_failures(gallery, catalogue, missing)
    failed = tuple(sorted((*faults, *failures), key=lambda failure: failure.row))
    return Filled(written, len(catalogue) - len(missing), failed, (*catalogue.notes, *notes))


class _Batch:
    """Images to be committed; a commit never splits a product."""

    def __init__(self, gallery: Gallery, catalogue: Catalogue) -> None:
        self._gallery, self._catalogue = gallery, catalogue
        self.items: list[Described | Failure] = []
        self._started = time.monotonic()

    def is_due(self, following: Described | Failure) -> bool:
        """Return whether to commit before the next image."""
        if not self.items or following.product_id == self.items[-1].product_id:
            return False
        waited = time.monotonic() - self._started
        return len(self.items) >= COMMIT_IMAGES or waited >= COMMIT_SECONDS

    def commit(self) -> None:
        """Write the images, and start the next batch."""
        described = [item for item in self.items if isinstance(item, Described)]
        failed = [item for item in self.items if isinstance(item, Failure)]
        rows = to_table(described, self._catalogue)
        self._gallery.upsert(rows, keep=[failure.image_id for failure in failed])
        products = sorted({item.product_id for item in self.items})
        self._gallery.failures.replace(products, failed)
        self.items, self._started = [], time.monotonic()


def rows_of(catalogue: Catalogue) -> Iterator[Row]:
    """Yield the rows, few of them at a time as Python values."""
    for chunk in catalogue.rows.to_batches(max_chunksize=1024):
        yield from chunk.to_pylist()


def _missing(catalogue: Catalogue, gallery: Gallery) -> tuple[Catalogue, Sequence[str]]:
    """Return the products with an image missing from the gallery, and notes on moved pictures."""
    rows = catalogue.rows
    present = pc.is_in(rows["image_id"], gallery.rows.ids("image_id"))
    changed, notes = follow_moved(gallery, replace(catalogue, rows=rows.filter(present)))
    products = [*rows.filter(pc.invert(present))["product_id"].unique().to_pylist(), *changed]
    wanted = pc.is_in(rows["product_id"], pa.array(products, rows["product_id"].type))
    return replace(catalogue, rows=rows.filter(wanted)), notes


def stored_path(path: AnyPath) -> str:
    """Return a picture's absolute path as it is stored.

    Raises:
        ImageError: when the name of a folder is not UTF-8.
    """
    whole = str(path.absolute())
    try:
        whole.encode()
    except UnicodeEncodeError:
        raise ImageError(f"{whole} is not UTF-8; rename the folder in question") from None
    return whole


def to_table(described: Sequence[Described], catalogue: Catalogue) -> pa.Table:
    """Return described pictures as rows of a gallery.

    Args:
        described: in the order of the rows.
        catalogue: with their metadata columns.
    """
    columns = {
        name: pa.array([item.row[name] for item in described], pa.string())
        for name in (*PLAIN, *catalogue.extra)
    }
    paths = [stored_path(catalogue.image_path(item.row["image"])) for item in described]
    columns["path"] = pa.array(paths, pa.string())
    columns["digest"] = pa.array([item.digest for item in described], pa.string())
    columns["precision"] = pa.array([item.precision for item in described], pa.string())
    columns["keypoints"] = pa.array([item.keypoints for item in described], pa.large_binary())
    small = [item.thumbnail for item in described]
    if any(small):
        jpegs = [each.to_jpeg() if each else None for each in small]
        scales = [each.scale if each else None for each in small]
        columns["thumbnail"] = pa.array(jpegs, pa.large_binary())
        columns["thumbnail_scale"] = pa.array(scales, pa.float32())
    if described:
        columns["descriptor"] = vectors(np.stack([item.descriptor for item in described]))
        vlads = [item.vlad for item in described if item.vlad is not None]
        if vlads:
            columns["vlad"] = vectors(np.stack(vlads))
    return pa.table(columns)
