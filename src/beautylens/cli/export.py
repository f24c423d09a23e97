"""`beautylens export`: write a collection as a catalogue table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import beautylens as bl
from beautylens.cli.arguments import Address, local_path
from beautylens.cli.console import console
from beautylens.inputs.counts import counted


def export(
    address: Address,
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE", help="File that ends in .csv, .jsonl or .parquet.", callback=local_path
        ),
    ],
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Also write the vectors (.jsonl, .parquet).")
    ] = False,
) -> None:
    """Write the products of a collection as a catalogue table."""
    rows = bl.open(address).export(table, vectors=vectors)
    console.print(f"{table}: {counted(rows, 'row')}, one per picture.", soft_wrap=True)
