"""Output formats of `search`: a table on stderr; JSON, CSV or challenge lines on stdout."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rich.table import Table
from rich.text import Text

from beautylens.catalogue.write import sheet_row
from beautylens.cli.console import console
from beautylens.cli.match_lines import (
    barcode_of,
    differences_of,
    write_match,
)
from beautylens.cli.output import print_json
from beautylens.inputs.unicode_text import on_one_line
from beautylens.reasons import rounded
from beautylens.results import Match, Matches, Verdict, brand_and_name

# The verdict in the title of a table.
VERDICTS: Mapping[Verdict | None, str] = {
    None: "",
    "match": "probably this",
    "unsure": "one of these?",
    "not_in_catalogue": "not in this catalogue?",
}


# Colours of the verdicts.
STYLES: Mapping[Verdict | None, str] = {
    "match": "bold green",
    "unsure": "bold yellow",
    "not_in_catalogue": "bold cyan",
}

# Characters of a terminal below which matches are listed: a table would squeeze their names.
TABLE_WIDTH = 120

# The columns of the table, and whether they are aligned left.
COLUMNS = {
    "": False,
    "product": True,
    "brand and name": True,
    "prob.": False,
    "score": False,
    "cosine": False,
    "inliers": False,
    "colour": False,
    "same text": False,
    "barcode": True,
    "words": True,
    "against": True,
}
# Columns that are always shown; others are left out when all of their cells are empty.
ALWAYS = frozenset(COLUMNS) - {"prob.", "colour", "same text", "barcode", "words", "against"}

PROSE = frozenset(("brand and name", "words", "against"))

# Characters of the longest id that is never wrapped.
WIDEST = 32

CSV_COLUMNS = (
    "query",
    "verdict",
    "verdict_probability",
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
    "text_agreement",
    "contradiction",
    "against",
    "error",
)


class Format(StrEnum):
    """Names of the answer formats."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    CHALLENGE = "challenge"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one photo, or of words alone: its matches, or the error message."""

    query: str
    matches: Matches = field(default_factory=Matches)
    error: str | None = None
    where: str | None = None  # the filter, if one was given
    photo: bool = True  # otherwise the query is words


def write_table(answer: Answer, *, first: bool) -> None:
    """Print a table, or a list on a narrow terminal; only the title where nothing was found."""
    if answer.error is not None:
        return
    if not len(answer.matches) or console.width < TABLE_WIDTH:
        console.print(_title(answer))
        for rank, match in enumerate(answer.matches, start=1):
            write_match(rank, match)
        return
    table = Table(title=_title(answer), title_justify="left", title_style="")
    rows = [_cells(rank, match) for rank, match in enumerate(answer.matches, start=1)]
    for name, left in COLUMNS.items():
        if name in ALWAYS or any(row[name] for row in rows):
            # Narrow terminals wrap prose; ids and numbers must stay whole, unless an id leaves no
            # room for the other columns.
            widest = max(len(row[name]) for row in rows)
            table.add_column(
                name,
                justify="left" if left else "right",
                no_wrap=name not in PROSE and widest <= WIDEST,
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
    """Print a header and one row per match; a photo without matches gets one row without a rank.

    Texts that a spreadsheet would read as a formula get a leading apostrophe.
    """
    writer = csv.DictWriter(sys.stdout, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    if first:
        writer.writeheader()
    matches = answer.matches
    query = {
        "query": answer.query,
        "verdict": matches.verdict,
        "verdict_probability": rounded(matches.probability),
        "error": answer.error,
    }
    rows = [
        {**query, "rank": rank, **match.to_dict(), **match.reasons.to_dict()}
        | {"words": " ".join(match.reasons.words), "against": differences_of(match.reasons)}
        for rank, match in enumerate(matches, start=1)
    ]
    for row in rows or [query]:
        writer.writerow(dict(zip(row, sheet_row(row.values()), strict=True)))


def write_challenge(answer: Answer, *, first: bool) -> None:
    """Print a line of the challenge's submission: query id, then product ids, best first.

    A photo that could not be read gets a line with its id only, so that lines and photos still
    correspond; it counts as wrong.
    """
    products = (match.product.product_id for match in answer.matches)
    name = Path(answer.query).stem if answer.photo else answer.query
    line = [on_one_line(text) for text in (name, *products)]
    csv.writer(sys.stdout, lineterminator="\n").writerow(line)


WRITERS: dict[Format, Callable[..., None]] = {
    Format.TABLE: write_table,
    Format.JSON: write_json,
    Format.CSV: write_csv,
    Format.CHALLENGE: write_challenge,
}


def _title(answer: Answer) -> Text:
    total = answer.matches.milliseconds.get("total", 0.0)
    query = Path(answer.query).name if answer.photo else answer.query
    query = on_one_line(f"{query}  ({total:.0f} ms)  ")
    verdict = on_one_line(_verdict(answer))
    title = Text.assemble(query, (verdict, STYLES.get(answer.matches.verdict, "")))
    title.rstrip()
    return title


def _verdict(answer: Answer) -> str:
    """Return the verdict in words, with the probability of a match."""
    matches = answer.matches
    if not len(matches) and not answer.photo:
        return "no product has any of these words"
    if not len(matches):
        return "no product passes the filter" if answer.where else "the collection is empty"
    verdict = VERDICTS[matches.verdict]
    if matches.verdict == "match" and matches.probability is not None:
        return f"{verdict} ({100 * matches.probability:.0f} %)"
    if matches.question is None:
        return verdict
    if matches.question.about == "colour":
        return f"{verdict} (they differ in colour)"
    return f"{verdict} ({on_one_line(' or '.join(matches.question.answers))})"


def _cells(rank: int, match: Match) -> dict[str, str]:
    """Return the cells of a match by column name."""
    product, reasons = match.product, match.reasons
    return {
        "": str(rank),
        "product": on_one_line(product.product_id),
        "brand and name": brand_and_name(product),
        "prob.": "" if match.probability is None else f"{100 * match.probability:.0f} %",
        "score": f"{match.score:.3f}",
        "cosine": "" if reasons.visual is None else f"{reasons.visual:.2f}",
        "inliers": "" if reasons.inliers is None else str(reasons.inliers),
        "colour": "" if reasons.colour is None else f"{reasons.colour:.1f}",
        "same text": ""
        if reasons.text_agreement is None
        else f"{100 * reasons.text_agreement:.0f} %",
        "barcode": on_one_line(barcode_of(reasons)),
        "words": " ".join(reasons.words),
        "against": differences_of(match.reasons),
    }
