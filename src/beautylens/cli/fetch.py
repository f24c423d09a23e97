"""`beautylens fetch`: download a public catalogue and write its table."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from beautylens.catalogue.download import Downloaded
from beautylens.catalogue.perfect500k import CATALOGUE, fetch_perfect500k
from beautylens.catalogue.transfer import DEFAULT_MANNERS, Manners
from beautylens.cli.console import console
from beautylens.cli.progress import progress_bar
from beautylens.store.build import Progress

app = typer.Typer(
    help="Download a public catalogue; again after an interruption: goes on.", add_completion=False
)

Out = Annotated[Path, typer.Argument(metavar="OUT", help="Folder for pictures and table.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Look at the first N pictures only.")]
Connections = Annotated[int, typer.Option(min=1, max=16, help="Pictures at once from one host.")]
Rate = Annotated[float, typer.Option(min=0.01, help="Requests a second to one host, at most.")]
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
    retry_dead: RetryDead = False,
) -> None:
    """Download the pictures of the Perfect-500K challenge; dead links do not stop the others."""
    with progress_bar("Fetching") as show:
        done = fetch_perfect500k(
            lists,
            out,
            pictures=pictures,
            limit=limit,
            manners=Manners(connections=connections, rate=rate),
            retry_dead=retry_dead,
            progress=lambda done, total, dead: show(Progress(done, total, dead)),
        )
    report_downloaded(done, out / CATALOGUE)


def report_downloaded(done: Downloaded, table: Path) -> None:
    """Say what a download did and what can be done with it."""
    counts = f"{done.fetched:,} fetched, {done.present:,} present, {len(done.dead):,} dead"
    console.print(f"{counts} ({done.report}).", soft_wrap=True)
    passing = sum(not dead.lasting for dead in done.dead)
    if passing or done.left:
        console.print(
            f"{passing + done.left:,} may only be out of reach for now: {passing:,} of the dead, "
            f"and {done.left:,} not tried; the same command asks for them again."
        )
    if done.pictures:
        command = shlex.join(["beautylens", "index", str(table), "COLLECTION"])
        console.print(f"{len(done.pictures):,} pictures to index: {command}", soft_wrap=True)
