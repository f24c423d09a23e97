"""`beautylens sync`: synchronise a Milvus cluster with a collection."""

from __future__ import annotations

import time
from typing import Annotated, NoReturn

import typer

import beautylens as bl
from beautylens.cli.arguments import Address, Vectors
from beautylens.cli.console import console, report_error
from beautylens.cli.progress import progress_bar
from beautylens.errors import CollectionError
from beautylens.ingest.progress import Progress
from beautylens.inputs.counts import counted
from beautylens.store.milvus.index import index_for
from beautylens.store.milvus.sync import Difference, Side, in_step
from beautylens.store.milvus.sync import sync as run
from beautylens.store.milvus.vector_index import MilvusIndex


def sync(
    address: Address,
    vectors: Vectors = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit with 1 if they differ.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(min=1, metavar="SECONDS", help="Synchronise repeatedly, at this interval."),
    ] = None,
) -> None:
    """Synchronise a Milvus cluster with the vectors of a collection."""
    index = _opened(address, vectors)
    if check:
        _refuse_difference(index, _run(index, write=False))
    elif every is None:
        _update(index)
    else:
        _follow(address, vectors, every)


def _opened(address: str, vectors: str | None) -> MilvusIndex:
    index = bl.open(address, vectors).gallery.vectors
    if not isinstance(index, MilvusIndex):
        raise CollectionError(
            f"{address} has no Milvus cluster; give --vectors milvus+http://host:19530/NAME"
        )
    return index


def _follow(address: str, vectors: str | None, every: float) -> NoReturn:
    """Synchronise, and again whenever collection and cluster differ."""
    index, compared = _opened(address, vectors), False
    while True:
        try:
            # A collection that was rebuilt at the same address starts at version 1.
            if (reopened := _opened(address, vectors)).id != index.id:
                index = reopened
            if not compared or not in_step(index):
                _update(index)
                compared = True
        except CollectionError as error:
            # A server that is down may be up the next time.
            report_error(str(error))
        time.sleep(every)


def _update(index: MilvusIndex) -> None:
    _run(index, write=True)
    _report_index_kind(index)


def _run(index: MilvusIndex, *, write: bool) -> Difference:
    """Compare both sides, optionally write the difference, and print the counts."""
    start = time.perf_counter()
    with progress_bar("Comparing") as show:
        found = run(index, lambda done, total: show(Progress(done, total, 0)), write=write)
    seconds = time.perf_counter() - start
    done = ("written", "deleted") if write else ("to write", "to delete")
    typer.echo(
        f"{found.missing:,} {done[0]}, {found.gone:,} {done[1]} in {seconds:.1f} s "
        f"({found.gallery.images / seconds:,.0f} images compared per second)"
    )
    _print_side(index.rows.address, found.gallery)
    if not write:
        _print_side(str(index.address), found.cluster)
    return found


def _print_side(address: str, side: Side) -> None:
    version = "no version yet" if side.version is None else f"version {side.version}"
    typer.echo(f"{address}: {version}, {counted(side.images, 'image')}")


def _refuse_difference(index: MilvusIndex, found: Difference) -> None:
    if found.missing or found.gone:
        raise CollectionError(
            f"{index.address} differs from {index.rows.address}; run "
            f"`beautylens sync {index.rows.address} --vectors {index.address}`"
        )


def _report_index_kind(index: MilvusIndex) -> None:
    """Print a hint if another kind of index suits the present number of images."""
    made, wanted = index.cluster.index(), index_for(index.rows.count()).kind
    if made != wanted:
        console.print(
            f"{index.address} has an index of kind {made}, but {wanted} suits the present number "
            "of images better; sync to another NAME, and search there.",
            soft_wrap=True,
        )
