"""`beautylens info`: what a collection holds and what it was built with."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from beautylens.cli.arguments import Address, Vectors
from beautylens.cli.console import console
from beautylens.cli.output import print_json
from beautylens.cli.progress import report_failures
from beautylens.collection import Collection, open_collection
from beautylens.features.encoder.openvino import precision_like
from beautylens.paths import folder_bytes, place
from beautylens.store.milvus.vector_index import MilvusIndex
from beautylens.store.schema import PLAIN


def info(
    address: Address,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    vectors: Vectors = None,
) -> None:
    """Show images, products, recipe, encoder fingerprint, version and size."""
    opened = open_collection(address, vectors)
    facts = collect_facts(opened, address)
    if as_json:
        print_json(facts)
        return
    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _readable(value))
    console.print(table)
    report_failures(opened.failures())


def collect_facts(opened: Collection, address: str) -> dict[str, Any]:
    """Return what there is to say of a collection, as plain JSON values."""
    made_with = opened.gallery.settings["encoder"]
    facts = {
        "images": len(opened),
        "products": opened.gallery.products.count(),
        "recipe": opened.recipe.name,
        "encoder": made_with["name"],
        "encoder_fingerprint": made_with["fingerprint"],
        # Collections of earlier versions do not tell.
        "described_in": made_with.get("precision", "not recorded"),
        "searched_in": precision_like(made_with.get("precision")),
        "version": opened.gallery.version,
        "failures": len(opened.failures()),
        "bytes": folder_bytes(place(address)),
        "columns": [*PLAIN[1:], *opened.gallery.rows.extra],
    }
    if isinstance(index := opened.gallery.vectors, MilvusIndex):
        cluster = index.cluster
        facts["vectors"] = {
            "address": str(cluster.address),
            "images": cluster.count(),
            "version": cluster.version(),
        }
    return facts


def _readable(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_readable(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
