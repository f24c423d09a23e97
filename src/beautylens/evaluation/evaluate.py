"""Evaluation of a collection on a truth table: metrics, the result of each query, a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beautylens.catalogue.sources import Truth, truth_from
from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection, open_collection
from beautylens.evaluation.metrics import QueryResult, Summary, ranked_products, summarise
from beautylens.evaluation.report import write_report
from beautylens.evaluation.run import (
    find_leaks,
    refuse_leaks,
    run_queries,
    truth_pictures,
    unknown_truths,
)
from beautylens.evaluation.verdicts import Verdicts, measure_verdicts
from beautylens.files.paths import as_path
from beautylens.images.sources import Named, is_named
from beautylens.ingest.progress import OnProgress, Progress, silent
from beautylens.reasons import Reasons
from beautylens.runtime.extras import extra


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a collection on a truth table, and the result of each query.

    Args:
        summary: mAP@7, recall and MRR, with their intervals.
        verdicts: precision, coverage and calibration of the verdicts; None if the recipe has no
            judge.
        results: one per search, in the order of the table; with `leave_out`, each photo's second
            search follows its first.
        unknown: product ids in the truth table that the collection does not have.
        collection: the collection.
        truth: the truth table.
        name: names of the collection and the table, the default title of a report.
        leave_out: whether photos were also searched without their relevant products.
        allow_leaks: whether photos could be in the gallery.
    """

    summary: Summary
    verdicts: Verdicts | None
    results: tuple[QueryResult, ...]
    unknown: tuple[str, ...]
    collection: Collection = field(repr=False, compare=False)
    truth: tuple[TruthRow, ...] = field(repr=False, compare=False)
    name: str = field(repr=False, compare=False)
    leave_out: bool = field(default=False, repr=False, compare=False)
    allow_leaks: bool = field(default=False, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics as JSON values with 4 decimals; NaN becomes None."""
        return {
            **self.summary.as_dict(),
            "verdicts": None if self.verdicts is None else self.verdicts.as_dict(),
        }

    def to_pandas(self) -> Any:
        """Return the results as a pandas DataFrame, one row per search, in the order of the table.

        `rank` is the rank of the first relevant product, from 1; missing if none was found.

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
        """Write an HTML report of all queries, failures first, and return the path of its page.

        Args:
            folder: created if it does not exist; the report needs no file outside it.
            title: title of the page; the collection and the truth table by default.

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
    """Return the metrics of a collection on the photos of a truth table.

    Args:
        collection: a collection, or its address.
        truth: the path of a truth table, a list of dicts, a data frame or an Arrow table with
            columns `image` and `product_ids`, and optionally `ignore_ids` and `kind`.
        allow_leaks: evaluate even if photos of the table are in the gallery, where each finds
            itself.
        leave_out: search a second time with each photo that has relevant products, excluding these
            from the gallery: the verdicts are then also measured on products that the catalogue
            lacks, but with similar ones in it.
        progress: called after every search.

    Raises:
        CollectionError: when there is no collection.
        TableError: when the truth table cannot be read, or one of its photos is in the gallery.
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
        measure_verdicts(results),
        tuple(results),
        tuple(unknown_truths(opened, rows)),
        opened,
        rows,
        f"{name} on {len(rows)} photos" if table is None else f"{name} on {table.name}",
        leave_out,
        allow_leaks,
    )


# The values of each search; from `visual` to `barcode`, the reasons for the first product.
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
    "text_agreement",
    "contradiction",
    "barcode",
    "ap7_challenge",
    "ap7_all",
    "error",
)


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
        "text_agreement": reasons.text_agreement,
        "contradiction": reasons.contradiction,
        "barcode": reasons.barcode,
        "ap7_challenge": result.average_precision("challenge"),
        "ap7_all": result.average_precision("all"),
        "error": result.error,
    }
