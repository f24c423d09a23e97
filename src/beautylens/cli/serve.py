"""`beautylens serve`: HTTP API and photo-search page of a collection."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from beautylens.cli.arguments import Address, Vectors, local_path
from beautylens.files.paths import as_path


class LogOf(StrEnum):
    """What a server logs."""

    ERRORS = "errors"
    TEXT = "text"
    JSON = "json"


def serve(
    address: Address,
    collections: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            metavar="NAME=PATH",
            help="Further collection, served under /v1/collections/NAME; may be repeated.",
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File with the write key; or set BEAUTYLENS_KEY."),
    ] = None,
    read_keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with keys that searching needs; lines are `name key [photos per minute]`.",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep-queries",
            metavar="DIR",
            callback=local_path,
            help="Store the photos of searches, and what people did next, for /review.",
        ),
    ] = None,
    keep_days: Annotated[
        int,
        typer.Option(
            min=1, max=3650, help="Days after which a stored photo that nobody labelled is deleted."
        ),
    ] = 30,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--name", metavar="HOST", help="Additional host name of the server; may be repeated."
        ),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            metavar="URL",
            help="Other origin that may use the API (CORS); may be repeated.",
        ),
    ] = None,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Only show catalogue pictures in this folder; may be repeated. For untrusted "
            "collections.",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Beautylens",
    seconds: Annotated[
        float, typer.Option(min=1, max=600, help="Timeout of a request in seconds.")
    ] = 20.0,
    log: Annotated[
        LogOf,
        typer.Option(help="Log errors alone, or also a line per request, as text or JSON."),
    ] = LogOf.ERRORS,
    vectors: Vectors = None,
) -> None:
    """Serve the HTTP API and the photo-search page, by default on localhost only."""
    # Imported late: web frameworks are slow to import.
    from beautylens.errors import ServeError
    from beautylens.recipe.settings import checked
    from beautylens.serve.keys import read_key, read_read_keys
    from beautylens.serve.run import serve as run
    from beautylens.serve.settings import ServeSettings

    given = {
        "collection": str(as_path(address).absolute()),
        "further": _further(collections or ()),
        "vectors": vectors,
        "host": host,
        "names": [name.lower() for name in names or ()],
        "origins": origins or (),
        "key": read_key(key_file),
        "read_keys": read_read_keys(read_keys),
        "keep": keep.absolute() if keep else None,
        "keep_days": keep_days,
        "pictures": [folder.absolute() for folder in pictures or ()],
        "title": title,
        "seconds": seconds,
        "log": log.value,
    }
    run(
        checked(ServeSettings, given, "the command line", ServeError), port, workers, _print_address
    )


def _further(collections: Sequence[str]) -> dict[str, str]:
    """Return the absolute paths of further collections by name.

    Raises:
        ServeError: when one is not NAME=PATH, or two have the same name.
    """
    from beautylens.errors import ServeError

    found: dict[str, str] = {}
    for each in collections:
        name, equals, path = each.partition("=")
        if not equals or not path:
            raise ServeError(f"--collection {each} is not NAME=PATH, such as tools=tools.lens")
        if name in found:
            raise ServeError(f"--collection {name} is given twice; choose another name")
        found[name] = str(as_path(path).absolute())
    return found


def _print_address(address: str) -> None:
    typer.echo(f"Beautylens is at {address}")
