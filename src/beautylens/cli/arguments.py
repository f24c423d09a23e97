"""Arguments that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer


def written_here(path: Path | None) -> Path | None:
    """Refuse an address where something is written: a path of its name would be made here.

    Raises:
        BadParameter: when it is one.
    """
    if path is not None and re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:/", str(path)):
        raise typer.BadParameter(
            f"{path} is an address, and this is written to this machine: name a folder or file "
            "here, and copy it there"
        )
    return path


# Paths on this machine, or addresses in object storage: `beautylens.files.paths.as_path`.
Address = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="A folder made by `beautylens index`.")
]
CatalogueTable = Annotated[
    str, typer.Argument(help="Catalogue table: .csv, .tsv, .parquet or .jsonl.")
]
Vectors = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        metavar="ADDRESS",
        envvar="BEAUTYLENS_VECTORS",
        help="A Milvus cluster that finds the nearest: milvus+http://host:19530/NAME.",
    ),
]
TruthTable = Annotated[
    str, typer.Argument(help="Truth table: image,product_ids[,ignore_ids,kind].")
]
