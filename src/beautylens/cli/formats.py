"""How `search` answers: a table for people on stderr; JSON, CSV or challenge lines on stdout."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from beautylens.cli.console import console
from beautylens.records import Match, Matches

STAGES = (
    "decode", "encode", "keypoints", "retrieve", "expand", "rerank", "textual", "refine", "total",
)  # fmt: skip


class Format(StrEnum):
    """Names of the answer formats."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search said of one photo: matches, or why it could not be read."""

    query: str
    matches: Matches = field(default_factory=Matches)
    error: str | None = None


def write_table(answer: Answer, *, first: bool) -> None:
    """Print a table for a person."""
    if answer.error is not None:
        return
    total = answer.matches.milliseconds.get("total", 0.0)
    table = Table(
        title=escape(f"{Path(answer.query).name}  ({total:.0f} ms)"), title_justify="left"
    )
    shows_words = any(match.reasons.words for match in answer.matches)
    for name in ("", "product", "brand and name", "score", "similar", "inliers"):
        left = name in ("product", "brand and name")
        table.add_column(name, justify="left" if left else "right")
    if shows_words:
        table.add_column("words")
    for place, match in enumerate(answer.matches, start=1):
        cells = _cells(place, match)
        table.add_row(*(escape(cell) for cell in cells[: len(table.columns)]))
    console.print(table)


def write_json(answer: Answer, *, first: bool) -> None:
    """Print one JSON object on one line."""
    query = answer.query
    value = (
        to_json(query, answer.matches)
        if answer.error is None
        else {"query": query, "error": answer.error}
    )
    typer.echo(json.dumps(value, ensure_ascii=False))


def write_csv(answer: Answer, *, first: bool) -> None:
    """Print one line a match, after a header."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if first:
        writer.writerow(
            ["query", "rank", "product_id", "name", "brand", "image", "score", "probability",
             "visual", "inliers", "words", "barcode"]
        )  # fmt: skip
    for rank, match in enumerate(answer.matches, start=1):
        reasons = match.reasons
        writer.writerow(
            [answer.query, rank, match.product.product_id, match.product.name, match.product.brand,
             match.image, f"{match.score:.6f}", match.probability, reasons.visual, reasons.inliers,
             " ".join(reasons.words), reasons.barcode]
        )  # fmt: skip


def write_challenge(answer: Answer, *, first: bool) -> None:
    """Print the challenge's submission line: test id, then products by falling confidence.

    A photo that could not be read gets a line with its id alone: it counts as answered wrong, and
    no other photo's line moves into its place.
    """
    products = (match.product.product_id for match in answer.matches)
    csv.writer(sys.stdout, lineterminator="\n").writerow([Path(answer.query).stem, *products])


def to_json(query: str, matches: Matches) -> dict[str, Any]:
    """Return a search's answer as plain JSON values."""
    return {
        "query": query,
        "verdict": matches.verdict,
        "probability": matches.probability,
        "matches": [_match_to_json(match) for match in matches],
        "milliseconds": {stage: round(matches.milliseconds.get(stage, 0.0), 2) for stage in STAGES},
    }


WRITERS: dict[Format, Callable[..., None]] = {
    Format.TABLE: write_table,
    Format.JSON: write_json,
    Format.CSV: write_csv,
    Format.CHALLENGE: write_challenge,
}


def _match_to_json(match: Match) -> dict[str, Any]:
    reasons = match.reasons
    return {
        "product_id": match.product.product_id,
        "name": match.product.name,
        "brand": match.product.brand,
        "image": match.image,
        "score": round(match.score, 6),
        "probability": match.probability,
        "reasons": {
            "visual": None if reasons.visual is None else round(reasons.visual, 6),
            "inliers": reasons.inliers,
            "words": list(reasons.words),
            "barcode": reasons.barcode,
        },
    }


def _cells(place: int, match: Match) -> list[str]:
    product, reasons = match.product, match.reasons
    return [
        str(place),
        product.product_id,
        " ".join(part for part in (product.brand, product.name) if part),
        f"{match.score:.3f}",
        "" if reasons.visual is None else f"{reasons.visual:.2f}",
        "" if reasons.inliers is None else str(reasons.inliers),
        " ".join(reasons.words),
    ]
