"""`beautylens add`: upsert the products of a table."""

from __future__ import annotations

import time

from beautylens.cli.arguments import Address, CatalogueTable
from beautylens.cli.index import Errors, OnError, Workers
from beautylens.cli.progress import progress_bar, report_filled
from beautylens.collection import open_collection


def add(
    address: Address,
    table: CatalogueTable,
    workers: Workers = None,
    on_error: Errors = OnError.SKIP,
) -> None:
    """Add the products of a table, or replace those that are there; no re-index."""
    start = time.perf_counter()
    opened = open_collection(address)
    with progress_bar("Adding") as show:
        filled = opened.add(
            table, workers=workers, stop_on_error=on_error is OnError.STOP, progress=show
        )
    report_filled(filled, time.perf_counter() - start)
