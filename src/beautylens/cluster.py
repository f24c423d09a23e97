"""Building a collection on many machines, with Ray Data: workers describe, the driver commits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beautylens.addresses import Place, place
from beautylens.assemble import make_describer
from beautylens.catalogue.table import Catalogue
from beautylens.collection import Collection, open_collection
from beautylens.ray_connection import connected
from beautylens.store.build import (
    Described,
    Describer,
    Filled,
    OnProgress,
    Progress,
    fill,
    rows_of,
    to_table,
)
from beautylens.store.failures import Failure

# Cores of a worker: it has one copy of the network for all of them.
_CORES = 4
# Pictures of a block, which a killed worker begins anew and which become one fragment: not so many
# that workers wait for the last of them, and not so few that the table is in crumbs.
_MOST, _LEAST, _BLOCKS_A_WORKER = 4096, 32, 8
# Between two commits; a driver that is killed loses what has come since the last.
_COMMIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Piece:
    """What a worker made of a block: fragments to publish, and what failed."""

    products: list[str]  # of each picture
    fragments: list[str]
    pictures: int
    failures: list[Failure]

    def to_json(self) -> str:
        """Return it as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Piece:
        """Return what `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "failures": [Failure(**each) for each in told["failures"]]})


class Worker:
    """Describes blocks of a catalogue and writes them, unpublished, where the collection is.

    Args:
        address: the collection's.
        folder: the catalogue's.
        extra: its metadata columns.
        threads: pictures at once.
    """

    def __init__(self, address: str, folder: Place, extra: tuple[str, ...], threads: int) -> None:
        collection = open_collection(address)
        self._gallery, self._folder, self._extra = collection.gallery, folder, extra
        self._describe = make_describer(
            collection.recipe, collection.encoder, collection.aggregate, threads
        )

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Return the piece (1 row, JSON) of a block of whole products."""
        block = Catalogue(rows, self._folder, self._extra)
        items = list(self._describe(rows_of(block), self._folder))
        described = [item for item in items if isinstance(item, Described)]
        piece = Piece(
            products=rows["product_id"].to_pylist(),
            fragments=self._gallery.write_piece(to_table(described, block)),
            pictures=len(items),
            failures=[item for item in items if isinstance(item, Failure)],
        )
        return pa.table({"piece": [piece.to_json()]})


def fill_on_cluster(
    collection: Collection,
    catalogue: Catalogue,
    describer: Describer,
    cluster: str,
    progress: OnProgress,
) -> Filled:
    """Write into a collection what it does not have of a catalogue, with the cores of a cluster.

    A picture that cannot be read is a failure as in a build on one machine. A worker that is
    killed is started again, with its block; a driver that is killed is gone on from its last
    commit by another.

    Args:
        collection: where to; its address and the pictures' must be reached by every worker.
        catalogue: what.
        describer: describes, on this machine, what is missing of products that are there in part.
        cluster: the address of a Ray cluster, or `local`.
        progress: called after every block.

    Raises:
        EncoderError: when Ray is not installed.
        CollectionError: when the cluster cannot be reached, or workers fail again and again.
    """
    there = collection.gallery.ids("product_id")
    known = pc.is_in(catalogue.rows["product_id"], there)
    new = replace(catalogue, rows=catalogue.rows.filter(pc.invert(known)))
    publisher = _Publisher(collection)
    if len(new):
        with connected(cluster) as ray:
            done, failed = 0, 0
            for piece in _pieces(ray, collection, new):
                publisher.take(piece)
                done, failed = done + piece.pictures, failed + len(piece.failures)
                progress(Progress(done, len(new), failed))
            publisher.commit()
    # Products that were there in part are few, and those that others wrote meanwhile.
    left = pc.is_in(catalogue.rows["product_id"], pa.array(sorted(publisher.left), pa.string()))
    rest = fill(
        collection.gallery, replace(catalogue, rows=catalogue.rows.filter(pc.or_(known, left))),
        describer, resume=True, progress=progress,
    )  # fmt: skip
    failures = (*publisher.failures, *rest.failures)
    return Filled(publisher.written + rest.written, rest.present, failures)


class _Publisher:
    """Publishes pieces, many in one commit."""

    def __init__(self, collection: Collection) -> None:
        self._gallery = collection.gallery
        # Of an earlier run; those of them that fail still will be noted anew.
        self._failed = {failure.product_id for failure in self._gallery.failures()}
        if collection.recipe.words and collection.recipe.words.catalogue != "never":
            # Workers cannot add a column while others write.
            self._gallery.add_columns(["read_words"])
        self._waiting: list[Piece] = []
        self._due = time.monotonic() + _COMMIT_SECONDS
        self.written = 0
        """Pictures that were published."""
        self.failures: list[Failure] = []
        self.left: set[str] = set()
        """Products that another process wrote meanwhile, and those of their blocks."""

    def take(self, piece: Piece) -> None:
        """Publish a piece soon."""
        self._waiting.append(piece)
        if time.monotonic() >= self._due:
            self.commit()

    def commit(self) -> None:
        """Publish what has gathered."""
        # Before the ids: whatever comes after this look is seen by `publish`.
        examined = self._gallery.versions()
        there = self._there([product for piece in self._waiting for product in piece.products])
        kept = [piece for piece in self._waiting if there.isdisjoint(piece.products)]
        others = [piece for piece in self._waiting if not there.isdisjoint(piece.products)]
        self.left.update(chain.from_iterable(piece.products for piece in others))
        fragments = [each for piece in kept for each in piece.fragments]
        twice = self._gallery.publish(fragments, examined)
        self.left.update(twice)
        self.written -= sum(piece.products.count(each) for piece in kept for each in twice)
        failures = [failure for piece in kept for failure in piece.failures]
        settled = self._failed.intersection(chain.from_iterable(p.products for p in kept))
        changed = settled | {failure.product_id for failure in failures}
        self._gallery.record_failures(sorted(changed), failures)
        self.failures += failures
        self.written += sum(piece.pictures - len(piece.failures) for piece in kept)
        self._waiting, self._due = [], time.monotonic() + _COMMIT_SECONDS

    def _there(self, products: Sequence[str]) -> set[str]:
        """Return those of these products that the collection has by now."""
        ids = self._gallery.ids("product_id")
        return set(ids.filter(pc.is_in(ids, pa.array(products, pa.string()))).to_pylist())


def _pieces(ray: Any, collection: Collection, catalogue: Catalogue) -> Iterator[Piece]:
    """Yield what the cluster's workers make of the catalogue, as it comes."""
    cores, gpus, workers = _team([node["Resources"] for node in ray.nodes() if node["Alive"]])
    blocks = list(_blocks(catalogue.rows, workers))
    described = ray.data.from_arrow(blocks).map_batches(
        Worker,
        fn_constructor_args=(
            str(place(collection.gallery.address).absolute()), catalogue.folder.absolute(),
            catalogue.extra, cores,
        ),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
        num_cpus=cores,
        num_gpus=gpus,
    )  # fmt: skip
    for batch in described.iter_batches(batch_size=None, batch_format="pyarrow"):
        yield from map(Piece.from_json, batch["piece"].to_pylist())


def _team(nodes: Sequence[Mapping[str, float]]) -> tuple[int, int, int]:
    """Return the cores and GPUs of a worker, and how many workers the machines of a cluster make.

    Where any machine has GPUs, each GPU gets a worker with its share of the cores, and machines
    without are left to others: the network is what GPUs were brought for.
    """
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if with_gpus:
        shares = [int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus]
        return max(1, min(shares)), 1, sum(int(node["GPU"]) for node in with_gpus)
    each = [int(node.get("CPU", 0)) for node in nodes]
    cores = max(1, min([_CORES, *filter(None, each)]))
    return cores, 0, max(1, sum(count // cores for count in each))


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
