"""`beautylens add`: add or replace the products of a table."""

from __future__ import annotations

import time

import beautylens as bl
from beautylens.cli.arguments import Address, CatalogueTable
from beautylens.cli.index import Errors, OnError, Read, Workers
from beautylens.cli.progress import progress_bar, report_filled


def add(
    address: Address,
    table: CatalogueTable,
    workers: Workers = None,
    on_error: Errors = OnError.SKIP,
    read: Read = True,
) -> None:
    """Add the products of a table, replacing those with the same id; nothing is re-indexed."""
    start = time.perf_counter()
    collection = bl.open(address)
    with progress_bar("Adding") as show:
        filled = collection.add(
            table,
            workers=workers,
            stop_on_error=on_error is OnError.STOP,
            read=read,
            progress=show,
        )
    report_filled(filled, time.perf_counter() - start)
