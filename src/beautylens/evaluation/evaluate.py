"""Measuring a collection on photos whose products are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beautylens.catalogue.sources import Truth, truth_from
from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection, open_collection, silent
from beautylens.evaluation.metrics import QueryResult, Summary, ranked_products, summarise
from beautylens.evaluation.report import write_report
from beautylens.evaluation.run import (
    find_leaks,
    refuse_leaks,
    run_queries,
    truth_pictures,
    unknown_truths,
)
from beautylens.evaluation.verdicts import Verdicts, judge_verdicts
from beautylens.files.paths import as_path
from beautylens.images.sources import Named, is_named
from beautylens.ingest.fill import OnProgress, Progress
from beautylens.results import Reasons
from beautylens.runtime.extras import extra


@dataclass(frozen=True)
class Evaluation:
    """How a collection did on photos whose products are known.

    Args:
        summary: mAP@7, recall and MRR, with their intervals.
        verdicts: how often verdicts were right, and calibration; None where the recipe gives none.
        results: what was found for each photo, beside what it shows, in the order of the table; the
            search from which its right products were left out comes after the photo's other one.
        unknown: products of the truth table that the collection does not hold.
        collection: that was measured.
        truth: the truth table.
        name: of the collection and the table, for the heading of a report.
    """

    summary: Summary
    verdicts: Verdicts | None
    results: tuple[QueryResult, ...]
    unknown: tuple[str, ...]
    collection: Collection = field(repr=False, compare=False)
    truth: tuple[TruthRow, ...] = field(repr=False, compare=False)
    name: str = field(repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON values with 4 decimals; NaN becomes None."""
        return {
            **self.summary.as_dict(),
            "verdicts": None if self.verdicts is None else self.verdicts.as_dict(),
        }

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame, one row a search, in the order of the truth table.

        `rank` is that of the first right product, from 1; missing where none was found.

        Raises:
            MissingExtraError: when pandas is not installed.
        """
        with extra("pandas"):
            import pandas as pd
        return pd.DataFrame(list(self.rows()), columns=list(COLUMNS))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the values of `COLUMNS` for each search."""
        return map(_row, self.results)

    def write_report(self, folder: str | Path, title: str | None = None) -> Path:
        """Write an HTML report of all photos, failures first, and return its page.

        Args:
            folder: made where it does not exist; the report needs nothing outside it.
            title: its heading; the collection and the truth table by default.

        Raises:
            BeautylensError: when the folder cannot be written.
        """
        return write_report(
            Path(folder),
            title or self.name,
            self.summary,
            self.results,
            self.verdicts,
            picture=as_path,
            truth_pictures=truth_pictures(self.collection, self.truth),
        )


def evaluate(
    collection: Collection | Named,
    truth: Truth,
    *,
    allow_leaks: bool = False,
    leave_out: bool = False,
    progress: OnProgress = silent,
) -> Evaluation:
    """Search a collection with every photo of a truth table, and return how it did.

    Args:
        collection: that is measured, or its address.
        truth: the path of a truth table, a list of dicts, a data frame or an Arrow table with
            columns `image` and `product_ids`, and optionally `ignore_ids` and `kind`.
        allow_leaks: measure even if photos are in the gallery, where each finds itself.
        leave_out: search with each photo that has right products a second time, with these excluded
            from the gallery. Verdicts are then also measured where only a sister product is there.
        progress: called after every search.

    Raises:
        CollectionError: when there is no collection.
        TableError: when the truth cannot be read, or a photo of it is in the gallery.
    """
    rows = truth_from(truth)
    opened = collection if isinstance(collection, Collection) else open_collection(str(collection))
    table = as_path(str(truth)) if is_named(truth) else None
    if not allow_leaks:
        refuse_leaks(find_leaks(opened, rows), table, len(rows))
    results: list[QueryResult] = []
    searches = len(rows) + leave_out * sum(bool(row.product_ids) for row in rows)
    for result in run_queries(opened, rows, leave_out=leave_out):
        results.append(result)
        progress(Progress(len(results), searches, sum(r.error is not None for r in results)))
    name = as_path(opened.address).name
    return Evaluation(
        summarise(results),
        judge_verdicts(results),
        tuple(results),
        tuple(unknown_truths(opened, rows)),
        opened,
        rows,
        f"{name} on {len(rows)} photos" if table is None else f"{name} on {table.name}",
    )


COLUMNS = (
    "image",
    "kind",
    "product_ids",
    "ignore_ids",
    "left_out",
    "found",
    "rank",
    "verdict",
    "probability",
    "visual",
    "inliers",
    "colour",
    "text",
    "contradiction",
    "barcode",
    "ap7_challenge",
    "ap7_all",
    "error",
)
"""What is told of each search; `visual` to `barcode` are the reasons for the first product."""


def _row(result: QueryResult) -> dict[str, Any]:
    matches = result.matches
    counted = ranked_products(result.ranking, result.truths, result.ignore)
    rank = next((rank for rank, p in enumerate(counted, 1) if p in result.truths), None)
    reasons = matches[0].reasons if matches else Reasons()
    return {
        "image": str(result.image),
        "kind": result.kind,
        "product_ids": sorted(result.truths),
        "ignore_ids": sorted(result.ignore),
        "left_out": sorted(result.left_out),
        "found": result.ranking,
        "rank": rank,
        "verdict": matches.verdict if matches is not None else None,
        "probability": matches.probability if matches is not None else None,
        "visual": reasons.visual,
        "inliers": reasons.inliers,
        "colour": reasons.colour,
        "text": reasons.text,
        "contradiction": reasons.contradiction,
        "barcode": reasons.barcode,
        "ap7_challenge": result.average_precision("challenge"),
        "ap7_all": result.average_precision("all"),
        "error": result.error,
    }
