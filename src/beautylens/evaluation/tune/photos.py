"""Labelled photos in two halves: one chooses a recipe, the other tells how good it is."""

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

FEWEST = 20
"""Photos below which half of them would choose by chance: all choose."""
MOST = 100
"""Photos of each half that are searched with: more cost time and hardly change the order."""


@dataclass(frozen=True, slots=True)
class SplitPhotos:
    """Photos that choose and photos that report; none report where there are too few."""

    choosing: tuple[TruthRow, ...]
    reporting: tuple[TruthRow, ...]
    left_out: int
    """Rows that name products, none of them of the catalogue."""
    absent: int = 0
    """Rows that say that their photo shows nothing of the catalogue."""


def split_photos(truth: Sequence[TruthRow], known: Collection[str]) -> SplitPhotos:
    """Return the photos in halves that have no product in common.

    The digests of product ids decide, so that the same photos are always split alike.

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
    """Return AP@7 (challenge) of what was found for a photo, best first."""
    return average_precision(
        ranking, row.product_ids, ignore=row.ignore_ids, denominator="challenge"
    )


def _groups(rows: Sequence[TruthRow]) -> list[list[TruthRow]]:
    """Return photos that share products, directly or by others, in the order of their digests."""
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
    """Return the rows in the table's order, at most `MOST`, evenly spread."""
    ordered = sorted(rows, key=lambda row: row.row)
    if len(ordered) <= MOST:
        return tuple(ordered)
    return tuple(ordered[place * len(ordered) // MOST] for place in range(MOST))
