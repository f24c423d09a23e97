"""Searches with the photos of a truth table, and checks that these are not in the gallery."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from beautylens.catalogue.table import Catalogue
from beautylens.catalogue.truth import TruthRow
from beautylens.collection import Collection
from beautylens.errors import ImageError, TableError
from beautylens.evaluation.metrics import QueryResult
from beautylens.files.paths import AnyPath, as_path
from beautylens.images.files import read_bytes
from beautylens.images.parquet import picture_stamp
from beautylens.inputs.counts import at_least_one
from beautylens.store.columns import file_digest
from beautylens.store.lance import except_products


def run_queries(
    collection: Collection, truth: Iterable[TruthRow], limit: int = 7, *, leave_out: bool = False
) -> Iterator[QueryResult]:
    """Yield the result of each query, in order, without pixels and keypoints.

    Args:
        collection: the collection.
        truth: the photos with their ground truth.
        limit: products per query besides the ignored ones, 1 or more.
        leave_out: search a second time with each photo that has relevant products, excluding these
            from the gallery, so that any match is wrong. Catalogues often lack single shades and
            sizes.

    Raises:
        QueryError: when `limit` is less than 1.
    """
    limit = at_least_one(limit, "limit")
    for row in truth:
        yield _result(collection, row, limit)
        if leave_out and row.product_ids:
            yield _result(collection, row, limit, left_out=row.product_ids)


def _result(
    collection: Collection, row: TruthRow, limit: int, left_out: frozenset[str] = frozenset()
) -> QueryResult:
    where = except_products(sorted(left_out)) if left_out else None
    matches, error = None, None
    try:
        matches = collection.search(row.image, limit + len(row.ignore_ids), where=where)
        matches = matches.without_pictures()
    except ImageError as failure:
        error = str(failure)
    truths = row.product_ids - left_out
    return QueryResult(row.image, truths, row.ignore_ids, row.kind, matches, error, left_out)


def find_leaks(collection: Collection, truth: Iterable[TruthRow]) -> list[tuple[AnyPath, str]]:
    """Return the photos whose file is also in the gallery, each with the image's id.

    Such a photo finds itself, so that its result says nothing.
    """
    return _leaks(truth, collection.gallery.rows.digests())


def _leaks(truth: Iterable[TruthRow], digests: Mapping[str, str]) -> list[tuple[AnyPath, str]]:
    leaks = []
    for row in truth:
        # The search reports photos that cannot be read.
        with suppress(ImageError):
            digest = file_digest(read_bytes(row.image))
            if digest in digests:
                leaks.append((row.image, digests[digest]))
    return leaks


def refuse_leaks(leaks: Sequence[tuple[AnyPath, str]], truth: AnyPath | None, queries: int) -> None:
    """Refuse a truth table with photos that are in the gallery, where each finds itself.

    Args:
        leaks: the photos in the gallery, each with the id of its image there.
        truth: path of the table, if it is a file.
        queries: number of photos in the table.

    Raises:
        TableError: when there are any leaks.
    """
    if leaks:
        are = "is" if len(leaks) == 1 else "are"
        raise TableError(
            f"{truth or 'the truth table'}: {len(leaks)} of {queries} photos {are} also in the "
            f"gallery, such as {leaks[0][0].name} (image {leaks[0][1]}); remove them, or pass "
            "--allow-leaks (in Python allow_leaks=True)"
        )


def find_copies(catalogue: Catalogue, truth: Sequence[TruthRow]) -> list[tuple[AnyPath, str]]:
    """Return the photos whose file is also in a catalogue, each with the image's id."""
    sizes = {_size(row.image) for row in truth} - {0}
    digests: dict[str, str] = {}
    for row in catalogue.rows.select(["image_id", "image"]).to_pylist():
        path = catalogue.image_path(row["image"])
        # Only a file of the same length can be a copy, so that few files need to be read.
        if _size(path) in sizes:
            digests[file_digest(read_bytes(path))] = row["image_id"]
    return _leaks(truth, digests)


def _size(path: AnyPath) -> int:
    with suppress(OSError):
        return picture_stamp(path)[0]
    return 0


def unknown_truths(collection: Collection, truth: Sequence[TruthRow]) -> list[str]:
    """Return the product ids of a truth table that the collection does not have, sorted."""
    named = sorted({product for row in truth for product in row.product_ids})
    return sorted(set(named) - collection.gallery.products.known(named))


def truth_pictures(collection: Collection, truth: Sequence[TruthRow]) -> dict[str, AnyPath]:
    """Return the path of a catalogue picture of each product of a truth table, by product id."""
    named = sorted({product for row in truth for product in row.product_ids})
    pictures = collection.gallery.products.pictures(named)
    return {product: as_path(path) for product, path in pictures.items()}
