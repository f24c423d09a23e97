"""`beautylens serve`: the HTTP API and the photo-search page over a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beautylens.cli.arguments import Address, Vectors, written_here
from beautylens.files.paths import as_path


def serve(
    address: Address,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes.")] = 1,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The write key; or put it into BEAUTYLENS_KEY."),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep-queries",
            metavar="DIR",
            callback=written_here,
            help="Keep photos that people answered about.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="A host name by which it may be asked."),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option("--origin", metavar="URL", help="Another page that may use the API."),
    ] = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Show pictures of this folder alone, of a collection that is not yours.",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="What the page is headed with.")] = "Beautylens",
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="After which a request is given up.")
    ] = 20.0,
    vectors: Vectors = None,
) -> None:
    """Serve the photo-search page and the HTTP API; by default to this machine alone."""
    # Web frameworks are imported only here.
    from beautylens.errors import ServeError
    from beautylens.recipe.settings import checked
    from beautylens.serve.run import read_key
    from beautylens.serve.run import serve as run
    from beautylens.serve.settings import ServeSettings

    given = {
        "collection": str(as_path(address).absolute()),
        "vectors": vectors,
        "host": host,
        "names": [name.lower() for name in names or ()],
        "origins": origins or (),
        "key": read_key(key_file),
        "keep": keep.absolute() if keep else None,
        "pictures": [folder.absolute() for folder in pictures or ()],
        "title": title,
        "seconds": seconds,
    }
    run(checked(ServeSettings, given, "the command line", ServeError), port, workers, _say)


def _say(address: str) -> None:
    typer.echo(f"Beautylens is at {address}")
