"""`beautylens info`: the contents and settings of a collection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

import beautylens as bl
from beautylens.cli.arguments import Address, Vectors, local_path
from beautylens.cli.catalogue_report import print_findings, write_findings
from beautylens.cli.console import console
from beautylens.cli.output import print_json
from beautylens.cli.progress import report_failures, tracked
from beautylens.evaluation.catalogue_report import catalogue_report


def info(
    address: Address,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Also list what in the catalogue makes search worse.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="Write the whole report as CSV.", callback=local_path
        ),
    ] = None,
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
    if report or out:
        findings = catalogue_report(collection.gallery, tracked)
        print_findings(findings)
        if out:
            write_findings(out, findings)
    else:
        report_failures(collection.failures())


def _readable(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
