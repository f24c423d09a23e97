"""Building a collection on many machines, with Ray: workers describe, the driver commits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beautylens.assemble.parts import make_describer
from beautylens.catalogue.table import Catalogue
from beautylens.cluster.workers import WorkerPool
from beautylens.collection import Collection, open_collection
from beautylens.files.paths import AnyPath, as_path, path_in
from beautylens.ingest.fill import (
    Described,
    Filled,
    OnProgress,
    Progress,
    Row,
    fill,
    rows_of,
    to_table,
)
from beautylens.store.failures import Failure

# Pictures of a block, which is begun anew when its worker is killed and becomes one fragment: not
# so many that workers wait for the last of them, and not so few that the table is in crumbs.
_MOST, _LEAST, _BLOCKS_A_WORKER = 4096, 32, 8
# Between two commits; a driver that is killed loses what has come since the last.
_COMMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Fragments:
    """What a worker made of a block: fragments to publish, and what failed."""

    products: list[str]  # of each picture
    fragments: list[str]
    pictures: int
    failures: list[Failure]


class Worker:
    """Describes blocks of a catalogue and writes them, unpublished, where the collection is.

    Args:
        address: the collection's.
        folder: the catalogue's.
        extra: its metadata columns.
        threads: pictures at once.
    """

    def __init__(self, address: str, folder: AnyPath, extra: tuple[str, ...], threads: int) -> None:
        collection = open_collection(address)
        self._gallery, self._folder, self._extra = collection.gallery, folder, extra
        self._describe = make_describer(
            collection.recipe, collection.encoder, collection.vlad, threads
        )

    def describe(self, rows: pa.Table) -> Fragments:
        """Describe a block of whole products, and write its fragments."""
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
        """Return what is stored of one picture."""
        (item,) = self._describe([numbered[1]], self._folder)
        return item


def fill_on_cluster(
    collection: Collection, catalogue: Catalogue, ray: Any, progress: OnProgress
) -> Filled:
    """Write into a collection what it does not have of a catalogue, with the cores of a cluster.

    A picture that cannot be read is a failure as in a build on one machine, and so is one that
    kills the worker that reads it. A worker that is killed is replaced, and its block begun anew; a
    driver that is killed is gone on from its last commit by another.

    Args:
        collection: where to; its address and the pictures' must be reached by every worker.
        catalogue: what.
        ray: connected.
        progress: called after every block.

    Raises:
        CollectionError: when workers are killed again and again, whatever they are at.
    """
    there = collection.gallery.rows.ids("product_id")
    known = pc.is_in(catalogue.rows["product_id"], there)
    new = replace(catalogue, rows=catalogue.rows.filter(pc.invert(known)))
    publisher, pool = _Publisher(collection), _pool(ray, collection, catalogue)
    done, failed = 0, 0
    try:
        for came in pool.deal("describe", _blocks(new.rows, pool.size)):
            if came is not None:
                rows, block = came
                publisher.take(rows["product_id"].to_pylist(), block)
                done, failed = done + len(rows), failed + len(block.failures if block else ())
                progress(Progress(done, len(new), failed))
            publisher.commit_if_due()
    finally:
        publisher.commit()
    # Products that were there in part, that others wrote meanwhile, or whose block kills workers.
    anew = pc.is_in(catalogue.rows["product_id"], pa.array(sorted(publisher.anew), pa.string()))
    rest = fill(
        collection.gallery, replace(catalogue, rows=catalogue.rows.filter(pc.or_(known, anew))),
        partial(_one_by_one, pool), resume=True, progress=progress,
    )  # fmt: skip
    failures = (*publisher.failures, *rest.failures)
    return Filled(publisher.written + rest.written, rest.present, failures, rest.notes)


class _Publisher:
    """Publishes fragments, those of many blocks in one commit."""

    def __init__(self, collection: Collection) -> None:
        self._gallery = collection.gallery
        # Of an earlier run; those of them that fail still will be noted anew.
        self._failed = {failure.product_id for failure in self._gallery.failures.all()}
        if collection.recipe.read and collection.recipe.read.catalogue != "never":
            # Workers cannot add a column while others write.
            self._gallery.rows.add_columns(["read_words"])
        self._waiting: list[Fragments] = []
        self._due = time.monotonic() + _COMMIT_SECONDS
        self.written = 0
        """Pictures that were published."""
        self.failures: list[Failure] = []
        self.anew: set[str] = set()
        """Products to describe anew: those of blocks of which nothing was published, and those
        that another process wrote meanwhile."""

    def take(self, products: Sequence[str], block: Fragments | None) -> None:
        """Publish a block's fragments soon; without any, its products are to be described again."""
        if block is None:
            self.anew.update(products)
        else:
            self._waiting.append(block)

    def commit_if_due(self) -> None:
        """Publish what has gathered, if the last commit is long enough ago."""
        if self._waiting and time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Publish what has gathered."""
        # Before the ids: whatever comes after this look is seen by `publish`.
        examined = self._gallery.version
        there = self._there([product for block in self._waiting for product in block.products])
        kept = [block for block in self._waiting if there.isdisjoint(block.products)]
        others = [block for block in self._waiting if not there.isdisjoint(block.products)]
        fragments = [each for block in kept for each in block.fragments]
        theirs = set(self._gallery.publish(fragments, examined))
        self.anew.update(theirs, *(block.products for block in others))
        failures = [each for block in kept for each in block.failures]
        failures = [each for each in failures if each.product_id not in theirs]
        ours = [each for block in kept for each in block.products if each not in theirs]
        changed = self._failed.intersection(ours) | {each.product_id for each in failures}
        self._gallery.failures.replace(sorted(changed), failures)
        self.failures += failures
        self.written += len(ours) - len(failures)
        self._waiting, self._due = [], time.monotonic() + _COMMIT_SECONDS

    def _there(self, products: Sequence[str]) -> set[str]:
        """Return those of these products that the collection has by now."""
        ids = self._gallery.rows.ids("product_id")
        return set(ids.filter(pc.is_in(ids, pa.array(products, pa.string()))).to_pylist())


def _pool(ray: Any, collection: Collection, catalogue: Catalogue) -> WorkerPool:
    """Return workers that describe pictures of a catalogue for a collection."""
    address = str(as_path(collection.gallery.address).absolute())
    folder = catalogue.folder.absolute()

    def start(cores: int, gpus: int) -> Any:
        worker = ray.remote(Worker).options(num_cpus=cores, num_gpus=gpus)
        return worker.remote(address, folder, catalogue.extra, cores)

    return WorkerPool(ray, start)


def _one_by_one(
    pool: WorkerPool, rows: Iterable[Row], folder: AnyPath
) -> Iterator[Described | Failure]:
    """Yield what is stored of each row's picture, in order; one that kills its worker fails."""
    made: dict[int, Described | Failure] = {}
    wanted = 0
    for came in pool.deal("describe_one", enumerate(rows)):
        if came is None:
            continue
        (number, row), item = came
        made[number] = item or _killer(row, folder)
        while wanted in made:
            yield made.pop(wanted)
            wanted += 1


def _killer(row: Row, folder: AnyPath) -> Failure:
    error = (
        f"{path_in(folder, row['image'])} kills the process that reads it, as a damaged or a very "
        "large picture can; save it anew as JPEG"
    )
    return Failure(row["image_id"], row["product_id"], row["image"], row["row"], error)


def _blocks(rows: pa.Table, workers: int) -> Iterator[pa.Table]:
    """Cut a catalogue's rows into blocks of whole products."""
    size = max(_LEAST, min(_MOST, len(rows) // (workers * _BLOCKS_A_WORKER)))
    ids = rows["product_id"].combine_chunks()
    starts = np.flatnonzero(pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)) + 1
    begin = 0
    while begin < len(rows):
        after = starts[np.searchsorted(starts, begin + size) :]
        end = int(after[0]) if len(after) else len(rows)
        yield rows.slice(begin, end - begin).combine_chunks()
        begin = end
