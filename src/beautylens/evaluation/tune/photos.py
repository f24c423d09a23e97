"""Labelled photos split in two halves: one for selection, the other for the final figures."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from beautylens.catalogue.truth import TruthRow
from beautylens.errors import TableError
from beautylens.evaluation.metrics import average_precision
from beautylens.inputs.several import several

# With fewer photos than this, half of them would be too few, so all are used for selection.
FEWEST = 20
# Maximum of photos in each half: more take time and hardly change the ranking of recipes.
MOST = 100


@dataclass(frozen=True, slots=True)
class SplitPhotos:
    """Photos for selection and photos for the final figures.

    choosing: for selection; reporting: for the final figures, empty if there are too few photos;
    left_out: the number of rows whose products are not in the catalogue; absent: the number of rows
    without a product.
    """

    choosing: tuple[TruthRow, ...]
    reporting: tuple[TruthRow, ...]
    left_out: int
    absent: int = 0


def split_photos(truth: Sequence[TruthRow], known: Collection[str]) -> SplitPhotos:
    """Return the photos in two halves without a common product.

    The split depends on digests of product ids, so it is reproducible.

    Args:
        truth: the labelled photos.
        known: the product ids of the catalogue.

    Raises:
        TableError: when no photo shows a product of the catalogue.
    """
    held = set(several(known))
    rows = [row for row in truth if row.product_ids & held]
    if not rows:
        raise TableError(
            f"none of the {len(truth)} rows of the truth names a product of the catalogue, so no "
            "recipe can be right; check that both tables use the same product ids"
        )
    absent = sum(not row.product_ids for row in truth)
    left_out = len(truth) - len(rows) - absent
    if len(rows) < FEWEST:
        return SplitPhotos(tuple(rows), (), left_out, absent)
    halves: tuple[list[TruthRow], list[TruthRow]] = ([], [])
    for group in _groups(rows):
        min(halves, key=len).extend(group)
    if not halves[1]:
        return SplitPhotos(_thinned(rows), (), left_out, absent)
    return SplitPhotos(_thinned(halves[0]), _thinned(halves[1]), left_out, absent)


def precision_of(row: TruthRow, ranking: Sequence[str]) -> float:
    """Return AP@7 (challenge) of a photo's ranking."""
    return average_precision(
        ranking, row.product_ids, ignore=row.ignore_ids, denominator="challenge"
    )


def _groups(rows: Sequence[TruthRow]) -> list[list[TruthRow]]:
    """Return the connected components of photos by common products, ordered by digest."""
    joined = DisjointSet(sorted({product for row in rows for product in row.product_ids}))
    for row in rows:
        for product in row.product_ids:
            joined.merge(min(row.product_ids), product)
    least: dict[str, str] = {}
    for product in joined:
        least.setdefault(joined[product], product)
    groups: dict[str, list[TruthRow]] = defaultdict(list)
    for row in rows:
        groups[least[joined[min(row.product_ids)]]].append(row)
    return [groups[product] for product in sorted(groups, key=_digest)]


def _digest(product: str) -> bytes:
    return hashlib.blake2b(product.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _thinned(rows: Sequence[TruthRow]) -> tuple[TruthRow, ...]:
    """Return at most `MOST` evenly spaced rows, in the table's order."""
    ordered = sorted(rows, key=lambda row: row.row)
    if len(ordered) <= MOST:
        return tuple(ordered)
    return tuple(ordered[step * len(ordered) // MOST] for step in range(MOST))
