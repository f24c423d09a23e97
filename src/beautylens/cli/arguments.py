"""Arguments that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer


def local_path(path: Path | None) -> Path | None:
    """Return the path of an output; an address is refused, as it would become a local folder.

    Raises:
        BadParameter: when the path is an address.
    """
    if path is not None and re.match(r"[A-Za-z][A-Za-z0-9+.\-]+:/", str(path)):
        address = str(path).replace(":/", "://", 1)
        raise typer.BadParameter(
            f"{address} is an address, but output is written to this machine; give a local path, "
            "and copy the output afterwards"
        )
    return path


# Paths on this machine, or addresses in object storage: `beautylens.files.paths.as_path`.
Address = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="Folder or address of a collection.")
]
CatalogueTable = Annotated[
    str, typer.Argument(metavar="TABLE", help="Catalogue table (.csv, .tsv, .parquet or .jsonl).")
]
Vectors = Annotated[
    str | None,
    typer.Option(
        "--vectors",
        metavar="ADDRESS",
        envvar="BEAUTYLENS_VECTORS",
        help="Milvus cluster with the vectors: milvus+http://host:19530/NAME.",
    ),
]
TruthTable = Annotated[
    str,
    typer.Argument(
        metavar="TRUTH", help="Truth table with columns image,product_ids[,ignore_ids,kind]."
    ),
]
