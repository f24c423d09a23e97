"""Reports on a catalogue: the columns understood, the cells filled, and what is to be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

from rich.table import Table

from beautylens.catalogue.checks import listed
from beautylens.catalogue.gtin import gtins_in
from beautylens.catalogue.table import OPTIONAL, Catalogue
from beautylens.catalogue.write import sheet_row, write_csv
from beautylens.cli.console import console, warn
from beautylens.collection import Collection
from beautylens.evaluation.catalogue_report import EFFECTS, Finding
from beautylens.inputs.counts import counted
from beautylens.inputs.unicode_text import on_one_line
from beautylens.store.lance import of_products

_EXAMPLES = 3


def report_understood(catalogue: Catalogue) -> None:
    """Print the columns that a table's columns were understood as, and those left out."""
    taken = [
        f"{column} ← {(' or ' if column == 'product_id' else ' + ').join(sources)}"
        for column, sources in catalogue.sources.items()
        if sources
    ]
    if not taken and not catalogue.ignored:
        return
    parts = [", ".join(taken)] if taken else []
    if catalogue.ignored:
        parts.append(f"ignored: {listed(catalogue.ignored, ', ')}")
    feed = f"{catalogue.feed}: " if catalogue.feed else ""
    console.print(on_one_line(f"{feed}{'; '.join(parts)}."), soft_wrap=True, highlight=False)


def report_replaced(collection: Collection, catalogue: Catalogue) -> None:
    """Print how many products `add` replaces, and which columns of them it empties."""
    known = collection.known(catalogue.rows["product_id"].unique().to_pylist())
    if not known:
        return
    lost = [
        name for name in (*OPTIONAL, *collection.metadata_columns) if name not in catalogue.given
    ]
    rows = collection.gallery.rows.select(lost, of_products(known)) if lost else None
    lost = [name for name in lost if rows is not None and any(rows[name].to_pylist())]
    replaced = counted(len(known), "product")
    if not lost:
        console.print(f"Replacing {replaced}.")
    else:
        warn(
            f"Replacing {replaced} as a whole",
            f": the table lacks {', '.join(lost)}, which they lose; `beautylens update` changes "
            "only the columns that a table has.",
        )


def report_columns(catalogue: Catalogue) -> None:
    """Print how many products of a table have a name, a brand, a category and a usable GTIN."""
    by_product = catalogue.rows.group_by("product_id", use_threads=False)
    products = by_product.aggregate([(name, "first") for name in OPTIONAL])
    total = len(products)
    filled = {name: sum(map(bool, products[f"{name}_first"].to_pylist())) for name in OPTIONAL}
    filled["gtin"] = sum(bool(gtins_in(cell)) for cell in products["gtin_first"].to_pylist())
    shares = ", ".join(f"{name} {count:,}/{total:,}" for name, count in filled.items())
    console.print(f"In the table: {shares} usable.")
    if not filled["name"]:
        warn(
            f"None of the {counted(total, 'product')} has a name",
            ", so that words read on a photo cannot distinguish them: name their column with "
            "--columns name=COLUMN.",
        )


def print_findings(findings: Sequence[Finding]) -> None:
    """Print each kind of finding with its effect, the number of products and examples."""
    if not findings:
        console.print("The catalogue has nothing that makes search worse.")
        return
    table = Table(title="What makes search worse", title_justify="left")
    for name in ("finding", "products", "effect and remedy", "such as"):
        table.add_column(name, justify="right" if name == "products" else "left")
    for kind, effect in EFFECTS.items():
        found = [finding for finding in findings if finding.kind == kind]
        products = list(dict.fromkeys(finding.product_id for finding in found))
        if products:
            examples = [" ".join(filter(None, (f.product_id, f.detail))) for f in found[:_EXAMPLES]]
            table.add_row(kind, f"{len(products):,}", effect, "\n".join(examples))
    console.print(table)


def write_findings(path: Path, findings: Sequence[Finding]) -> None:
    """Write one CSV row per finding."""
    rows = (sheet_row(astuple(finding)) for finding in findings)
    write_csv(path, [field.name for field in fields(Finding)], rows)
    console.print(f"Report: {path}", soft_wrap=True)
