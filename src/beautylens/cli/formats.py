"""How `search` answers: a table for people on stderr; JSON, CSV or challenge lines on stdout."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rich.table import Table

from beautylens.cli.console import console
from beautylens.cli.output import print_json, sheet_row
from beautylens.inputs.unicode_text import on_one_line
from beautylens.results import Match, Matches, Product, Verdict, rounded

# What a verdict says to a person.
VERDICTS: Mapping[Verdict | None, str] = {
    None: "",
    "match": "probably this",
    "unsure": "one of these?",
    "not_in_catalogue": "not in this catalogue?",
}


# The columns of the table, and whether they are aligned left.
COLUMNS = {
    "": False,
    "product": True,
    "brand and name": True,
    "likely": False,
    "score": False,
    "similar": False,
    "inliers": False,
    "colour": False,
    "barcode": True,
    "words": True,
}
# The columns that are there even if they are empty; the others only if there is something to say.
ALWAYS = frozenset(COLUMNS) - {"likely", "colour", "barcode", "words"}

PROSE = frozenset(("brand and name", "words"))

CSV_COLUMNS = (
    "query",
    "verdict",
    "sure",
    "rank",
    "product_id",
    "name",
    "brand",
    "image",
    "score",
    "probability",
    "visual",
    "local",
    "inliers",
    "text",
    "typed",
    "colour",
    "words",
    "barcode",
)


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
    where: str | None = None  # the filter, if there was one


def write_table(answer: Answer, *, first: bool) -> None:
    """Print a table for a person."""
    if answer.error is not None:
        return
    table = Table(title=on_one_line(_title(answer)), title_justify="left")
    rows = [_cells(place, match) for place, match in enumerate(answer.matches, start=1)]
    for name, left in COLUMNS.items():
        if name in ALWAYS or any(row[name] for row in rows):
            # A narrow terminal folds what is prose; an id or a number cut short is of no use.
            table.add_column(
                name,
                justify="left" if left else "right",
                no_wrap=name not in PROSE,
                overflow="fold",
            )
    for row in rows:
        table.add_row(*(row[str(column.header)] for column in table.columns))
    console.print(table)


def write_json(answer: Answer, *, first: bool) -> None:
    """Print one JSON object on one line."""
    query = answer.query
    value = (
        {"query": query, **answer.matches.to_dict()}
        if answer.error is None
        else {"query": query, "error": answer.error}
    )
    print_json(value)


def write_csv(answer: Answer, *, first: bool) -> None:
    """Print a header and one line a match; one without a match where nothing was found.

    A text that a spreadsheet would take for a formula has an apostrophe in front.
    """
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if first:
        writer.writerow(CSV_COLUMNS)
    matches = answer.matches
    said = [answer.query, answer.error or matches.verdict, rounded(matches.probability)]
    if not len(matches):
        writer.writerow(sheet_row([*said, *[None] * (len(CSV_COLUMNS) - len(said))]))
    for rank, match in enumerate(matches, start=1):
        product, why = match.product, match.reasons
        cells = (
            *said,
            rank,
            product.product_id,
            product.name,
            product.brand,
            match.image,
            f"{match.score:.6f}",
            rounded(match.probability),
            why.visual,
            why.local,
            why.inliers,
            why.text,
            why.typed,
            why.colour,
            " ".join(why.words),
            why.barcode,
        )
        writer.writerow(sheet_row(cells))


def write_challenge(answer: Answer, *, first: bool) -> None:
    """Print the challenge's submission line: test id, then products by falling confidence.

    A photo that could not be read gets a line with its id alone: it counts as answered wrong, and
    no other photo's line moves into its place.
    """
    products = (match.product.product_id for match in answer.matches)
    line = [on_one_line(text) for text in (Path(answer.query).stem, *products)]
    csv.writer(sys.stdout, lineterminator="\n").writerow(line)


WRITERS: dict[Format, Callable[..., None]] = {
    Format.TABLE: write_table,
    Format.JSON: write_json,
    Format.CSV: write_csv,
    Format.CHALLENGE: write_challenge,
}


def _title(answer: Answer) -> str:
    total = answer.matches.milliseconds.get("total", 0.0)
    return f"{Path(answer.query).name}  ({total:.0f} ms)  {_verdict(answer)}".rstrip()


def _verdict(answer: Answer) -> str:
    """Return the verdict for a person, with its probability where one product is named."""
    matches = answer.matches
    if not len(matches):
        return "no product meets the filter" if answer.where else "the collection is empty"
    said = VERDICTS[matches.verdict]
    sure = matches.verdict == "match" and matches.probability is not None
    return f"{said} ({100 * (matches.probability or 0):.0f} %)" if sure else said


def _cells(place: int, match: Match) -> dict[str, str]:
    """Return what the table says of a match, by the names of its columns."""
    product, reasons = match.product, match.reasons
    return {
        "": str(place),
        "product": on_one_line(product.product_id),
        "brand and name": brand_and_name(product),
        "likely": "" if match.probability is None else f"{100 * match.probability:.0f} %",
        "score": f"{match.score:.3f}",
        "similar": "" if reasons.visual is None else f"{reasons.visual:.2f}",
        "inliers": "" if reasons.inliers is None else str(reasons.inliers),
        "colour": "" if reasons.colour is None else f"{reasons.colour:.1f}",
        "barcode": reasons.barcode or "",
        "words": " ".join(reasons.words),
    }


def brand_and_name(product: Product) -> str:
    """Return brand and name; many a name starts with the brand."""
    if product.name.casefold().startswith(product.brand.casefold()):
        return product.name or product.brand
    return f"{product.brand} {product.name}".strip()
