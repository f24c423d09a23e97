"""Arguments that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

# Paths on this machine, or addresses in object storage: `beautylens.addresses.place`.
Address = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="A folder made by `beautylens index`.")
]
CatalogueTable = Annotated[
    str, typer.Argument(help="Catalogue table: .csv, .tsv, .parquet or .jsonl.")
]
Vectors = Annotated[
    str | None,
    typer.Option(
        "--vectors", metavar="ADDRESS", envvar="BEAUTYLENS_VECTORS",
        help="A Milvus cluster that finds the nearest: milvus+http://host:19530/NAME.",
    ),
]  # fmt: skip
TruthTable = Annotated[
    str, typer.Argument(help="Truth table: image,product_ids[,ignore_ids,kind].")
]
