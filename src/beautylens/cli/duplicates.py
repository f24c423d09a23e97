"""`beautylens duplicates`: products that share a picture, and blank pictures."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from beautylens.catalogue.write import sheet_row
from beautylens.cli.arguments import Address, local_path
from beautylens.cli.console import console
from beautylens.cli.progress import tracked
from beautylens.evaluation.duplicates.duplicates import Group, agreement, find_duplicates
from beautylens.evaluation.duplicates.page import write_duplicates_page
from beautylens.files.paths import as_path
from beautylens.inputs.counts import counted
from beautylens.store.gallery import Gallery

SHOWN, NAMED = 20, 3
CSV_COLUMNS = (
    "group",
    "kind",
    "product_id",
    "image",
    "name",
    "brand",
    "category",
    "gtin",
    "same_name",
    "same_gtin",
)


def duplicates(
    address: Address,
    out: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write all groups as CSV.", callback=local_path),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Write an HTML page with the pictures.",
            callback=local_path,
        ),
    ] = None,
) -> None:
    """List products that share a picture, and blank pictures."""
    gallery = Gallery(address)
    for path in (out, page):
        if path:
            # Before the comparison, which may take long: fails if the file cannot be written.
            path.touch()
    groups = find_duplicates(gallery, tracked)
    print_groups(groups)
    if out:
        write_groups(out, groups)
    if page:
        write_duplicates_page(page, as_path(address).name, groups, gallery)
        console.print(f"Page: {page}", soft_wrap=True)


def print_groups(groups: Sequence[Group]) -> None:
    """Print the largest groups, and the number of groups of each kind."""
    if not groups:
        console.print("No two products share a picture, and no picture is blank.")
        return
    table = Table(title="Products that share a picture", title_justify="left")
    for name in ("group", "kind", "products", "examples"):
        table.add_column(name, justify="right" if name in {"group", "products"} else "left")
    for number, group in enumerate(groups[:SHOWN], start=1):
        named = [f"{p.product_id} {p.name}".strip() for p in group.products.values()]
        more = [f"and {len(named) - NAMED:,} more"] if len(named) > NAMED else []
        cell = "\n".join([*named[:NAMED], *more])
        table.add_row(str(number), group.kind, f"{len(named):,}", cell)
    console.print(table)
    counts = Counter(group.kind for group in groups)
    products = {product for group in groups for product in group.products}
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in counts.items())
    console.print(
        f"{counted(len(groups), 'group')}, {counted(len(products), 'product')} ({kinds})."
    )
    if len(groups) > SHOWN:
        console.print(f"Only the first {SHOWN} groups are shown; write all with --csv or --html.")


def write_groups(path: Path, groups: Sequence[Group]) -> None:
    """Write one CSV row per picture."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        for number, group in enumerate(groups, start=1):
            for image in group.images:
                product = image.product
                same = agreement(group, product)
                cells = (
                    number,
                    group.kind,
                    product.product_id,
                    image.image,
                    product.name,
                    product.brand,
                    product.category,
                    product.gtin,
                    _yes_no(same["same_name"]),
                    _yes_no(same["same_gtin"]),
                )
                writer.writerow(sheet_row(cells))


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
