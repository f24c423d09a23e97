"""`beautylens update`: change some columns or the pictures of products."""

from __future__ import annotations

import beautylens as bl
from beautylens.catalogue.checks import listed
from beautylens.catalogue.table import read_catalogue
from beautylens.cli.arguments import (
    Address,
    CatalogueTable,
    Columns,
    RedirectHosts,
    chosen_columns,
)
from beautylens.cli.catalogue_report import report_understood
from beautylens.cli.console import console
from beautylens.cli.index import Errors, OnError, Read, Workers
from beautylens.cli.progress import progress_bar, report_failures, report_notes
from beautylens.errors import CollectionError
from beautylens.inputs.counts import counted
from beautylens.inputs.unicode_text import on_one_line


def update(
    address: Address,
    table: CatalogueTable,
    columns: Columns = None,
    follow_redirects_to: RedirectHosts = None,
    workers: Workers = None,
    on_error: Errors = OnError.SKIP,
    read: Read = True,
) -> None:
    """Change some columns or the pictures of products; their other columns are kept."""
    del follow_redirects_to
    collection = bl.open(address)
    catalogue = read_catalogue(table, columns=chosen_columns(columns), pictures=False)
    report_understood(catalogue)
    with progress_bar("Updating") as show:
        done = collection.update(
            catalogue,
            workers=workers,
            stop_on_error=on_error is OnError.STOP,
            read=read,
            progress=show,
        )
    changed = [*done.columns, *(["pictures"] if done.filled else [])]
    console.print(
        on_one_line(
            f"Updated {counted(len(done.products), 'product')}: {', '.join(changed) or 'nothing'}."
        ),
        soft_wrap=True,
    )
    report_notes(catalogue.notes)
    report_failures(done.filled.failures if done.filled else ())
    if done.unknown:
        others = "; the others were updated" if done.products else ""
        raise CollectionError(
            f"{address} lacks {counted(len(done.unknown), 'product')} of the table, such as "
            f"{listed(done.unknown, ', ')}{others}; add them with `beautylens add`"
        )
