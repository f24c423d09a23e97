"""`beautylens info`: the contents and settings of a collection."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

import beautylens as bl
from beautylens.cli.arguments import Address, Vectors
from beautylens.cli.console import console
from beautylens.cli.output import print_json
from beautylens.cli.progress import report_failures


def info(
    address: Address,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
    vectors: Vectors = None,
) -> None:
    """Show the size, recipe, encoder, version and failures of a collection."""
    collection = bl.open(address, vectors)
    facts = collection.info()
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _readable(value))
    console.print(table)
    report_failures(collection.failures())


def _readable(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
