"""`beautylens fetch`: download a public catalogue as pictures and a table."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from beautylens.catalogue.datasets.open_beauty_facts.dataset import (
    EXPORT_AT,
    Fetched,
    fetch_open_beauty_facts,
    obtain_export,
)
from beautylens.catalogue.datasets.open_beauty_facts.pictures import PICTURES_AT
from beautylens.catalogue.datasets.open_beauty_facts.tags import Filters
from beautylens.catalogue.datasets.perfect500k import CATALOGUE, fetch_perfect500k
from beautylens.catalogue.datasets.product_benchmarks import (
    LAYOUTS,
    TRUTH,
    write_benchmark,
)
from beautylens.catalogue.download.pictures import Downloaded
from beautylens.catalogue.download.transfer import DEFAULT_MANNERS, Manners
from beautylens.cli.arguments import local_path
from beautylens.cli.console import console
from beautylens.cli.progress import progress_bar
from beautylens.ingest.progress import Progress
from beautylens.inputs.counts import counted

app = typer.Typer(
    help="Download a public catalogue; resumes an interrupted download.", add_completion=False
)


def _checked_contact(contact: str) -> str:
    """Return the contact, which is sent in the `User-Agent` header.

    Raises:
        BadParameter: when it cannot be sent in a header.
    """
    if not (contact.isascii() and contact.isprintable()):
        raise typer.BadParameter("give an e-mail or web address in ASCII")
    return contact


Out = Annotated[
    Path,
    typer.Argument(
        metavar="OUT", help="Output folder for pictures and table.", callback=local_path
    ),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N pictures.")]
Connections = Annotated[int, typer.Option(min=1, max=16, help="Parallel connections per host.")]
Rate = Annotated[float, typer.Option(min=0.01, help="Requests per second and host, at most.")]
Contact = Annotated[
    str,
    typer.Option(callback=_checked_contact, help="Your e-mail or web address, sent to the hosts."),
]
RetryDead = Annotated[
    bool, typer.Option("--retry-dead", help="Try links again that were dead before.")
]


@app.callback()
def _fetch() -> None:
    """Download a public catalogue; resumes an interrupted download."""


@app.command("perfect500k")
def perfect500k(
    lists: Annotated[
        list[Path],
        typer.Argument(
            metavar="LIST",
            help="metadata_public.csv (2018), training_public.csv (2020), or both.",
        ),
    ],
    out: Out,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of pictures you already have, named by id."),
    ] = None,
    limit: Limit = None,
    connections: Connections = DEFAULT_MANNERS.connections,
    rate: Rate = DEFAULT_MANNERS.rate,
    contact: Contact = "",
    retry_dead: RetryDead = False,
) -> None:
    """Download the pictures of the Perfect-500K challenge; dead links are skipped."""
    with progress_bar("Downloading") as show:
        done = fetch_perfect500k(
            lists,
            out,
            pictures=pictures,
            limit=limit,
            manners=Manners(connections=connections, rate=rate, contact=contact),
            retry_dead=retry_dead,
            progress=lambda done, total, dead: show(Progress(done, total, dead)),
        )
    report_downloaded(done, len(done.pictures), out / CATALOGUE)


@app.command("open-beauty-facts")
def open_beauty_facts(
    out: Out,
    export: Annotated[
        str,
        typer.Option(
            metavar="FILE|ADDRESS",
            help="Export (.parquet, .jsonl, .csv, .jsonl.gz or .csv.gz); an address is downloaded "
            "once, into OUT.",
        ),
    ] = EXPORT_AT,
    country: Annotated[
        str, typer.Option(help="Only products sold in this country, such as France.")
    ] = "",
    category: Annotated[
        str, typer.Option(help="Only products of this category, such as shampoos.")
    ] = "",
    brand: Annotated[str, typer.Option(help="Only products of this brand, such as L'Oréal.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first N matching products.")
    ] = None,
    benchmark: Annotated[
        bool,
        typer.Option(
            "--benchmark",
            help="Also download the contributors' other photos, as queries with truth tables.",
        ),
    ] = False,
    pictures_at: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Base address of the pictures.")
    ] = PICTURES_AT,
    contact: Contact = "",
    connections: Connections = DEFAULT_MANNERS.connections,
    rate: Rate = DEFAULT_MANNERS.rate,
    retry_dead: RetryDead = False,
) -> None:
    """Download products of Open Beauty Facts; with --benchmark also query photos."""
    manners = Manners(connections=connections, rate=rate, contact=contact)
    with progress_bar("Downloading the export") as show:
        path = obtain_export(
            export,
            out,
            manners=manners,
            progress=lambda done, total, failed: show(Progress(done, total, failed)),
        )
    with progress_bar("Downloading") as show:
        fetched = fetch_open_beauty_facts(
            path,
            out,
            filters=Filters(country, category, brand),
            limit=limit,
            benchmark=benchmark,
            pictures_at=pictures_at,
            manners=manners,
            retry_dead=retry_dead,
            progress=lambda done, total, dead: show(Progress(done, total, dead)),
        )
    report_fetched(fetched, out / CATALOGUE)


@app.command("benchmark")
def benchmark(
    layout: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(LAYOUTS)}.")],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of the benchmark, on this disk.")
    ],
    out: Out,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only the first N products with a query photo.")
    ] = None,
) -> None:
    """Write the tables of a product benchmark that is on this disk; its pictures stay there."""
    written = write_benchmark(layout, folder, out, limit=limit)
    index = shlex.join(["beautylens", "index", str(out / CATALOGUE), "COLLECTION"])
    evaluate = shlex.join(["beautylens", "evaluate", "COLLECTION", str(out / TRUTH)])
    console.print(
        f"{counted(written.products, 'product')}, {counted(written.pictures, 'picture')}, "
        f"{counted(written.queries, 'query photo')}.\nNext: {index}\nThen: {evaluate}",
        soft_wrap=True,
    )


def report_fetched(fetched: Fetched, table: Path) -> None:
    """Print which products were left out, the download's counts, and the next commands."""
    if fetched.left_out:
        reasons = ", ".join(f"{count:,} {fault}" for fault, count in fetched.left_out.items())
        console.print(f"Left out: {reasons}.")
    report_downloaded(fetched.downloaded, fetched.products, table)
    for truth, count in fetched.photos.items():
        command = shlex.join(["beautylens", "evaluate", "COLLECTION", str(truth)])
        console.print(f"Next, evaluate on {counted(count, 'photo')}: {command}", soft_wrap=True)


def report_downloaded(done: Downloaded, count: int, table: Path) -> None:
    """Print the download's counts and the next command."""
    console.print(
        f"Pictures: {done.fetched:,} downloaded, {done.present:,} already there, "
        f"{counted(len(done.dead), 'dead link')} ({done.report}).",
        soft_wrap=True,
    )
    temporary = sum(not dead.lasting for dead in done.dead)
    if temporary or done.left:
        console.print(
            f"Run the same command again to retry {temporary:,} with temporary errors and "
            f"{done.left:,} that were not tried."
        )
    if count:
        command = shlex.join(["beautylens", "index", str(table), "COLLECTION"])
        console.print(f"Next, index {counted(count, 'picture')}: {command}", soft_wrap=True)
