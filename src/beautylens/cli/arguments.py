"""Arguments that several commands share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from beautylens.catalogue.feeds.feed import Variants
from beautylens.files.redirects import trust_redirects_to


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


def chosen_columns(given: Sequence[str] | None) -> Mapping[str, tuple[str, ...]]:
    """Return the columns of `--columns NAME=COLUMN,...`; a name may be given several times.

    Raises:
        BadParameter: when a part has no `=`.
    """
    chosen: dict[str, tuple[str, ...]] = {}
    for part in [part for text in given or () for part in re.split(r",(?=[^,=]+=)", text)]:
        name, equals, column = part.partition("=")
        if not equals or not name.strip() or not column.strip():
            raise typer.BadParameter(f"{part!r} is not NAME=COLUMN, such as name=Titel")
        chosen[name.strip()] = (*chosen.get(name.strip(), ()), column.strip())
    return chosen


def _trust(hosts: list[str] | None) -> list[str] | None:
    trust_redirects_to(hosts or ())
    return hosts


# Paths on this machine, or addresses in object storage: `beautylens.files.paths.as_path`.
Address = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="Folder or address of a collection.")
]
CatalogueTable = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="Catalogue table or feed (.csv, .xlsx, .parquet, .json, .xml).",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="NAME=COLUMN",
        help="Column of the table that is not recognised, such as name=Titel,gtin=EAN.",
    ),
]
RedirectHosts = Annotated[
    list[str] | None,
    typer.Option(
        "--follow-redirects-to",
        metavar="HOST",
        help="Private host, or HOST:PORT, that addresses of pictures may redirect to.",
        callback=_trust,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
VariantsOption = Annotated[
    Variants | None,
    typer.Option(
        "--variants",
        help="Whether each variant of a product is a product; by default as is usual in the feed.",
    ),
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
