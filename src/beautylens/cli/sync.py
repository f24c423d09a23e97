"""`beautylens sync`: keep a Milvus cluster in step with a collection."""

from __future__ import annotations

import time
from typing import Annotated, NoReturn

import typer

from beautylens.cli.arguments import Address, Vectors
from beautylens.cli.console import console, report_error
from beautylens.cli.progress import progress_bar
from beautylens.collection import open_collection
from beautylens.errors import CollectionError
from beautylens.ingest.fill import Progress
from beautylens.store.milvus.index import index_for
from beautylens.store.milvus.sync import Difference, Side, in_step
from beautylens.store.milvus.sync import sync as run
from beautylens.store.milvus.vector_index import MilvusIndex


def sync(
    address: Address,
    vectors: Vectors = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; exit code 1 where they differ.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(min=1, metavar="SECONDS", help="Look again and again, until stopped."),
    ] = None,
) -> None:
    """Fill a Milvus cluster with a collection's vectors, or bring it in step."""
    index = _opened(address, vectors)
    if check:
        _refuse_difference(index, _run(index, write=False))
    elif every is None:
        _mend(index)
    else:
        _follow(address, vectors, every)


def _opened(address: str, vectors: str | None) -> MilvusIndex:
    index = open_collection(address, vectors).gallery.vectors
    if not isinstance(index, MilvusIndex):
        raise CollectionError(
            f"{address} names no cluster; say --vectors milvus+http://host:19530/NAME"
        )
    return index


def _follow(address: str, vectors: str | None, every: float) -> NoReturn:
    """Mend what differs, and again whenever the two are out of step."""
    index, compared = _opened(address, vectors), False
    while True:
        try:
            # One that was made anew at the same address counts its versions from the start.
            if (anew := _opened(address, vectors)).id != index.id:
                index = anew
            if not compared or not in_step(index):
                _mend(index)
                compared = True
        except CollectionError as error:
            # Whatever does not answer now may answer next time.
            report_error(str(error))
        time.sleep(every)


def _mend(index: MilvusIndex) -> None:
    _run(index, write=True)
    _say_outgrown(index)


def _run(index: MilvusIndex, *, write: bool) -> Difference:
    """Compare both sides, mend what differs if wanted, and say what there was to do."""
    start = time.perf_counter()
    with progress_bar("Comparing") as show:
        found = run(index, lambda done, total: show(Progress(done, total, 0)), write=write)
    seconds = time.perf_counter() - start
    done = ("written", "deleted") if write else ("to write", "to delete")
    typer.echo(
        f"{found.missing:,} {done[0]}, {found.gone:,} {done[1]} in {seconds:.1f} s "
        f"({found.gallery.images / seconds:,.0f} compared a second)"
    )
    _say(index.rows.address, found.gallery)
    if not write:
        _say(str(index.address), found.cluster)
    return found


def _say(where: str, side: Side) -> None:
    version = "no version yet" if side.version is None else f"version {side.version}"
    typer.echo(f"{where}: {version}, {side.images:,} images")


def _refuse_difference(index: MilvusIndex, found: Difference) -> None:
    if found.missing or found.gone:
        raise CollectionError(
            f"{index.address} differs from {index.rows.address}; bring it in step with "
            f"`beautylens sync {index.rows.address} --vectors {index.address}`"
        )


def _say_outgrown(index: MilvusIndex) -> None:
    """Say so where the index was made for fewer images than there are now."""
    made, wanted = index.cluster.index(), index_for(index.rows.count()).kind
    if made != wanted:
        console.print(
            f"{index.address} has the index {made}; for as many images as there are now, "
            f"{wanted} is the right one: sync under another NAME, then search there.",
            soft_wrap=True,
        )
