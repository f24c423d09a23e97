"""`beautylens add`: add or replace the products of a table."""

from __future__ import annotations

import time

import beautylens as bl
from beautylens.catalogue.table import read_catalogue
from beautylens.cli.arguments import (
    Address,
    CatalogueTable,
    Columns,
    RedirectHosts,
    VariantsOption,
    chosen_columns,
)
from beautylens.cli.catalogue_report import report_replaced, report_understood
from beautylens.cli.index import Errors, OnError, Read, Workers
from beautylens.cli.progress import progress_bar, report_filled


def add(
    address: Address,
    table: CatalogueTable,
    columns: Columns = None,
    variants: VariantsOption = None,
    follow_redirects_to: RedirectHosts = None,
    workers: Workers = None,
    on_error: Errors = OnError.SKIP,
    read: Read = True,
) -> None:
    """Add the products of a table, replacing those with the same id; nothing is re-indexed."""
    del follow_redirects_to
    start = time.perf_counter()
    collection = bl.open(address)
    catalogue = read_catalogue(table, columns=chosen_columns(columns), variants=variants)
    report_understood(catalogue)
    report_replaced(collection, catalogue)
    with progress_bar("Adding") as show:
        filled = collection.add(
            catalogue,
            workers=workers,
            stop_on_error=on_error is OnError.STOP,
            read=read,
            progress=show,
        )
    report_filled(filled, time.perf_counter() - start)
