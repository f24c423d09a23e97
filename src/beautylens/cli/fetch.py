"""`beautylens fetch`: download a public catalogue and write its table."""

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
from beautylens.catalogue.download.pictures import Downloaded
from beautylens.catalogue.download.transfer import DEFAULT_MANNERS, Manners
from beautylens.cli.arguments import written_here
from beautylens.cli.console import console
from beautylens.cli.progress import progress_bar
from beautylens.ingest.fill import Progress

app = typer.Typer(
    help="Download a public catalogue; again after an interruption: goes on.", add_completion=False
)


def _checked_contact(contact: str) -> str:
    """Return a contact that can stand in the head of a request.

    Raises:
        BadParameter: when it cannot.
    """
    if not (contact.isascii() and contact.isprintable()):
        raise typer.BadParameter("give a mail or web address in plain letters")
    return contact


Out = Annotated[
    Path,
    typer.Argument(metavar="OUT", help="Folder for pictures and table.", callback=written_here),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Look at the first N pictures only.")]
Connections = Annotated[int, typer.Option(min=1, max=16, help="Pictures at once from one host.")]
Rate = Annotated[float, typer.Option(min=0.01, help="Requests a second to one host, at most.")]
Contact = Annotated[
    str,
    typer.Option(callback=_checked_contact, help="Your mail or web address, told to the hosts."),
]
RetryDead = Annotated[
    bool, typer.Option("--retry-dead", help="Ask for dead links again, which otherwise stay dead.")
]


@app.callback()
def _fetch() -> None:
    """Download a public catalogue and write its table."""


@app.command("perfect500k")
def perfect500k(
    lists: Annotated[
        list[Path],
        typer.Argument(
            metavar="LIST",
            help="metadata_public.csv (2018), training_public.csv (2020) or both.",
        ),
    ],
    out: Out,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Pictures you have already, named after their ids."),
    ] = None,
    limit: Limit = None,
    connections: Connections = DEFAULT_MANNERS.connections,
    rate: Rate = DEFAULT_MANNERS.rate,
    contact: Contact = "",
    retry_dead: RetryDead = False,
) -> None:
    """Download the pictures of the Perfect-500K challenge; dead links do not stop the others."""
    with progress_bar("Fetching") as show:
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
            help="The export: .parquet, .jsonl or .csv, the last two also as .gz; "
            "one with an address is kept in OUT and fetched once.",
        ),
    ] = EXPORT_AT,
    country: Annotated[str, typer.Option(help="Products sold there only: France.")] = "",
    category: Annotated[str, typer.Option(help="Products of it only: shampoos.")] = "",
    brand: Annotated[str, typer.Option(help="Products of it only: L'Oréal.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Take the first N such products only.")
    ] = None,
    benchmark: Annotated[
        bool,
        typer.Option(
            "--benchmark",
            help="Fetch the contributors' other photos too, as queries with truth tables.",
        ),
    ] = False,
    pictures_at: Annotated[
        str, typer.Option(metavar="ADDRESS", help="What addresses of pictures begin with.")
    ] = PICTURES_AT,
    contact: Contact = "",
    connections: Connections = DEFAULT_MANNERS.connections,
    rate: Rate = DEFAULT_MANNERS.rate,
    retry_dead: RetryDead = False,
) -> None:
    """Download products of Open Beauty Facts, and a benchmark of its contributors' photos."""
    manners = Manners(connections=connections, rate=rate, contact=contact)
    with progress_bar("Fetching the export") as show:
        path = obtain_export(
            export,
            out,
            manners=manners,
            progress=lambda done, total, failed: show(Progress(done, total, failed)),
        )
    with progress_bar("Fetching") as show:
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


def report_fetched(fetched: Fetched, table: Path) -> None:
    """Say which products were left out, what the download did, and what there is to measure on."""
    if fetched.left_out:
        reasons = ", ".join(f"{count:,} {fault}" for fault, count in fetched.left_out.items())
        console.print(f"Products left out: {reasons}.")
    report_downloaded(fetched.downloaded, fetched.products, table)
    for truth, count in fetched.photos.items():
        command = shlex.join(["beautylens", "evaluate", "COLLECTION", str(truth)])
        console.print(f"{count:,} photos to measure on: {command}", soft_wrap=True)


def report_downloaded(done: Downloaded, count: int, table: Path) -> None:
    """Say what a download did and what can be done with it."""
    counts = f"{done.fetched:,} fetched, {done.present:,} present, {len(done.dead):,} dead"
    console.print(f"{counts} ({done.report}).", soft_wrap=True)
    passing = sum(not dead.lasting for dead in done.dead)
    if passing or done.left:
        console.print(
            f"{passing + done.left:,} may only be out of reach for now: {passing:,} of the dead, "
            f"and {done.left:,} not tried; the same command asks for them again."
        )
    if count:
        command = shlex.join(["beautylens", "index", str(table), "COLLECTION"])
        console.print(f"{count:,} pictures to index: {command}", soft_wrap=True)
