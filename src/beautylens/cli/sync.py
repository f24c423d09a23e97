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
from beautylens.store.milvus.gallery import ClusteredGallery
from beautylens.store.milvus.index import index_for
from beautylens.store.milvus.sync import Difference, Side, in_step
from beautylens.store.milvus.sync import sync as run


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
    gallery = _opened(address, vectors)
    if check:
        _refuse_difference(gallery, _run(gallery, write=False))
    elif every is None:
        _mend(gallery)
    else:
        _follow(address, vectors, every)


def _opened(address: str, vectors: str | None) -> ClusteredGallery:
    gallery = open_collection(address, vectors).gallery
    if not isinstance(gallery, ClusteredGallery):
        raise CollectionError(
            f"{address} names no cluster; say --vectors milvus+http://host:19530/NAME"
        )
    return gallery


def _follow(address: str, vectors: str | None, every: float) -> NoReturn:
    """Mend what differs, and again whenever the two are out of step."""
    gallery, compared = _opened(address, vectors), False
    while True:
        try:
            # One that was made anew at the same address counts its versions from the start.
            if (anew := _opened(address, vectors)).id != gallery.id:
                gallery = anew
            if not compared or not in_step(gallery):
                _mend(gallery)
                compared = True
        except CollectionError as error:
            # Whatever does not answer now may answer next time.
            report_error(str(error))
        time.sleep(every)


def _mend(gallery: ClusteredGallery) -> None:
    _run(gallery, write=True)
    _say_outgrown(gallery)


def _run(gallery: ClusteredGallery, *, write: bool) -> Difference:
    """Compare both sides, mend what differs if wanted, and say what there was to do."""
    start = time.perf_counter()
    with progress_bar("Comparing") as show:
        found = run(gallery, lambda done, total: show(Progress(done, total, 0)), write=write)
    seconds = time.perf_counter() - start
    done = ("written", "deleted") if write else ("to write", "to delete")
    typer.echo(
        f"{found.missing:,} {done[0]}, {found.gone:,} {done[1]} in {seconds:.1f} s "
        f"({found.gallery.images / seconds:,.0f} compared a second)"
    )
    _say(gallery.address, found.gallery)
    if not write:
        _say(str(gallery.vectors_address), found.cluster)
    return found


def _say(where: str, side: Side) -> None:
    version = "no version yet" if side.version is None else f"version {side.version}"
    typer.echo(f"{where}: {version}, {side.images:,} images")


def _refuse_difference(gallery: ClusteredGallery, found: Difference) -> None:
    if found.missing or found.gone:
        raise CollectionError(
            f"{gallery.vectors_address} differs from {gallery.address}; bring it in step with "
            f"`beautylens sync {gallery.address} --vectors {gallery.vectors_address}`"
        )


def _say_outgrown(gallery: ClusteredGallery) -> None:
    """Say so where the index was made for fewer images than there are now."""
    made, wanted = gallery.cluster.index(), index_for(gallery.count()).kind
    if made != wanted:
        console.print(
            f"{gallery.vectors_address} has the index {made}; for as many images as there are now, "
            f"{wanted} is the right one: sync under another NAME, then search there.",
            soft_wrap=True,
        )
