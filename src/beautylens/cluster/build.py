"""Indexing on a Ray cluster: workers describe pictures, the driver commits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beautylens.catalogue.table import Catalogue
from beautylens.cluster.environment import driver_environment, take_environment
from beautylens.cluster.workers import WorkerPool
from beautylens.collection import Collection, open_collection
from beautylens.files.paths import AnyPath, as_path, path_in
from beautylens.ingest.fill import (
    Described,
    Filled,
    Row,
    fill,
    rows_of,
    to_table,
)
from beautylens.ingest.progress import OnProgress, Progress
from beautylens.store.failures import Failure

# Pictures of a block, which becomes one fragment and is repeated if its worker is killed: few, so
# that all workers have work until the end, but enough for large fragments.
_MAX_BLOCK, _MIN_BLOCK, _BLOCKS_PER_WORKER = 4096, 32, 8
# A worker that takes longer for a block hangs: far more than the slowest picture of the web takes.
_WORKER_SECONDS, _PICTURE_SECONDS = 300.0, 10.0
_DOUBLINGS = (_MAX_BLOCK // _MIN_BLOCK).bit_length()
# Up to the first commit, and at most between two; if the driver is killed, the blocks since the
# last are lost. The interval doubles, since each commit reads all product ids.
_FIRST_COMMIT_SECONDS, _COMMIT_SECONDS = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Fragments:
    """The fragments of a block to publish, and its failures; `products` has one id per picture."""

    products: list[str]
    fragments: list[str]
    pictures: int
    failures: list[Failure]


class Worker:
    """Describes blocks of a catalogue and writes them as unpublished fragments.

    Args:
        address: of the collection.
        folder: of the catalogue.
        extra: the metadata columns of the catalogue.
        threads: pictures at a time.
        environment: variables of the driver, such as the credentials of the storage.
    """

    def __init__(
        self,
        address: str,
        folder: AnyPath,
        extra: tuple[str, ...],
        threads: int,
        environment: Mapping[str, str],
    ) -> None:
        take_environment(environment)
        collection = open_collection(address)
        self._gallery, self._folder, self._extra = collection.gallery, folder, extra
        self._describe = collection.parts.make_describer(threads)

    def describe(self, rows: pa.Table) -> Fragments:
        """Describe a block of whole products and write its fragments."""
        block = Catalogue(rows, self._folder, self._extra)
        items = list(self._describe(rows_of(block), self._folder))
        described = [item for item in items if isinstance(item, Described)]
        return Fragments(
            products=rows["product_id"].to_pylist(),
            fragments=self._gallery.write_fragments(to_table(described, block)),
            pictures=len(items),
            failures=[item for item in items if isinstance(item, Failure)],
        )

    def describe_one(self, numbered: tuple[int, Row]) -> Described | Failure:
        """Return the stored values of one picture, or its failure."""
        (item,) = self._describe([numbered[1]], self._folder)
        return item


def fill_on_cluster(
    collection: Collection, catalogue: Catalogue, ray: Any, progress: OnProgress
) -> Filled:
    """Add the missing products of a catalogue to a collection, with the cores of a cluster.

    As in a build on one machine, a picture that cannot be read is a failure, and so is one that
    kills its worker or holds it up. Such a worker is replaced and its block repeated; after the
    driver was killed, another run resumes from its last commit.

    Args:
        collection: to fill; all workers need access to its address and to the pictures.
        catalogue: the products.
        ray: the connected module.
        progress: called after every block.

    Raises:
        CollectionError: when workers are killed repeatedly, whatever the task.
    """
    stored = collection.gallery.rows.ids("product_id")
    known = pc.is_in(catalogue.rows["product_id"], stored)
    new = replace(catalogue, rows=catalogue.rows.filter(pc.invert(known)))
    publisher, pool = _Publisher(collection), _pool(ray, collection, catalogue)
    bounds = _bounds(new.rows, pool.size)
    blocks = (new.rows.slice(start, end - start).combine_chunks() for start, end in bounds)
    done, failed, finished = 0, 0, 0
    try:
        for came in pool.map_unordered("describe", blocks, _patience):
            if came is not None:
                rows, block = came
                publisher.take(rows["product_id"].to_pylist(), block)
                done, failed = done + len(rows), failed + len(block.failures if block else ())
                finished += 1
                progress(Progress(done, len(new), failed, finished, len(bounds)))
            publisher.commit_if_due()
    finally:
        publisher.commit()
    # Products that were incomplete, that others wrote meanwhile, or whose block kills workers.
    again = pc.is_in(catalogue.rows["product_id"], pa.array(sorted(publisher.again), pa.string()))
    rest = fill(
        collection.gallery,
        replace(catalogue, rows=catalogue.rows.filter(pc.or_(known, again))),
        partial(_one_by_one, pool),
        resume=True,
        progress=progress,
    )
    failures = (*publisher.failures, *rest.failures)
    return Filled(publisher.written + rest.written, rest.present, failures, rest.notes)


class _Publisher:
    """Publishes the fragments of several blocks in one commit.

    Attributes:
        written: number of published pictures.
        failures: of the published blocks.
        again: products to describe again: those of unpublished blocks, and those that another
            process wrote meanwhile.
    """

    def __init__(self, collection: Collection) -> None:
        self._gallery = collection.gallery
        # Failures of an earlier run are replaced when their products are published.
        self._failed = {failure.product_id for failure in self._gallery.failures.all()}
        self._waiting: list[Fragments] = []
        self._interval = _FIRST_COMMIT_SECONDS
        self._due = time.monotonic() + self._interval
        self.written = 0
        self.failures: list[Failure] = []
        self.again: set[str] = set()

    def take(self, products: Sequence[str], block: Fragments | None) -> None:
        """Add a block to the next commit; None is one that failed, to be described again."""
        if block is None:
            self.again.update(products)
        else:
            self._waiting.append(block)

    def commit_if_due(self) -> None:
        """Publish the waiting blocks, if a commit is due."""
        if self._waiting and time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Publish the waiting blocks."""
        # Read before the ids: `publish` sees all later commits.
        examined = self._gallery.version
        stored = self._stored([product for block in self._waiting for product in block.products])
        kept = [block for block in self._waiting if stored.isdisjoint(block.products)]
        others = [block for block in self._waiting if not stored.isdisjoint(block.products)]
        fragments = [each for block in kept for each in block.fragments]
        theirs = set(self._gallery.publish(fragments, examined))
        self.again.update(theirs, *(block.products for block in others))
        failures = [each for block in kept for each in block.failures]
        failures = [each for each in failures if each.product_id not in theirs]
        ours = [each for block in kept for each in block.products if each not in theirs]
        changed = self._failed.intersection(ours) | {each.product_id for each in failures}
        self._gallery.failures.replace(sorted(changed), failures)
        self.failures += failures
        self.written += len(ours) - len(failures)
        self._waiting = []
        self._interval = min(2 * self._interval, _COMMIT_SECONDS)
        self._due = time.monotonic() + self._interval

    def _stored(self, products: Sequence[str]) -> set[str]:
        """Return those of these products that the collection has in its latest version."""
        ids = self._gallery.rows.ids("product_id")
        return set(ids.filter(pc.is_in(ids, pa.array(products, pa.string()))).to_pylist())


def _pool(ray: Any, collection: Collection, catalogue: Catalogue) -> WorkerPool:
    """Return the worker pool that describes the pictures of a catalogue."""
    address = str(as_path(collection.gallery.address).absolute())
    folder = catalogue.folder.absolute()
    environment = driver_environment()

    def start(cores: int, gpus: int) -> Any:
        worker = ray.remote(Worker).options(num_cpus=cores, num_gpus=gpus)
        return worker.remote(address, folder, catalogue.extra, cores, environment)

    return WorkerPool(ray, start)


def _one_by_one(
    pool: WorkerPool, rows: Iterable[Row], folder: AnyPath
) -> Iterator[Described | Failure]:
    """Yield the stored values of each row's picture in order; one that kills its worker fails."""
    done: dict[int, Described | Failure] = {}
    following = 0
    for came in pool.map_unordered("describe_one", enumerate(rows), _patience):
        if came is None:
            continue
        (number, row), item = came
        done[number] = item or _killer(row, folder)
        while following in done:
            yield done.pop(following)
            following += 1


def _killer(row: Row, folder: AnyPath) -> Failure:
    error = (
        f"{path_in(folder, row['image'])} kills or holds up the process that reads it, as a "
        "damaged or a very large picture can; save it again as JPEG"
    )
    return Failure(row["image_id"], row["product_id"], row["image"], row["row"], error)


def _bounds(rows: pa.Table, workers: int) -> list[tuple[int, int]]:
    """Return the first row of each block and the row after its last; blocks have whole products.

    The first of each worker is small, so that there soon is something to commit; the next ones
    double up to the usual size.
    """
    most = max(_MIN_BLOCK, min(_MAX_BLOCK, len(rows) // (workers * _BLOCKS_PER_WORKER)))
    ids = rows["product_id"].combine_chunks()
    starts = np.flatnonzero(pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)) + 1
    bounds: list[tuple[int, int]] = []
    begin = 0
    while begin < len(rows):
        size = min(most, _MIN_BLOCK << min(len(bounds) // workers, _DOUBLINGS))
        after = starts[np.searchsorted(starts, begin + size) :]
        end = int(after[0]) if len(after) else len(rows)
        bounds.append((begin, end))
        begin = end
    return bounds


def _patience(task: pa.Table | tuple[int, Row]) -> float:
    """Return the seconds after which a worker that describes a block or a picture hangs."""
    pictures = len(task) if isinstance(task, pa.Table) else 1
    return _WORKER_SECONDS + _PICTURE_SECONDS * pictures
