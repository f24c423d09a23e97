"""`beautylens info`: what a collection holds and what it was built with."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from beautylens.cli.arguments import Address, Vectors
from beautylens.cli.console import console
from beautylens.cli.output import print_json
from beautylens.cli.progress import report_failures
from beautylens.collection import open_collection


def info(
    address: Address,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    vectors: Vectors = None,
) -> None:
    """Show images, products, recipe, encoder fingerprint, version and size."""
    opened = open_collection(address, vectors)
    facts = opened.info()
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _readable(value))
    console.print(table)
    report_failures(opened.failures())


def _readable(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
