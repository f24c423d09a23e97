"""Running a truth table's queries against a collection, none of them in its gallery."""

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
from beautylens.store.lance import of_products


def run_queries(
    collection: Collection, truth: Iterable[TruthRow], limit: int = 7, *, leave_out: bool = False
) -> Iterator[QueryResult]:
    """Return the result of each query, in order, without the photo that was searched with.

    Ignored products do not use up ranks.

    Args:
        collection: that is searched.
        truth: the photos and their right products.
        limit: products a query, 1 or more.
        leave_out: search with each photo that has right products a second time, with these excluded
            from the gallery: what is then called a match is wrong. Shops lack single shades and
            sizes all the time.

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
    where = f"NOT {of_products(sorted(left_out))}" if left_out else None
    matches, error = None, None
    try:
        matches = collection.search(row.image, limit + len(row.ignore_ids), where=where)
        matches = matches.without_pictures()
    except ImageError as failure:
        error = str(failure)
    truths = row.product_ids - left_out
    return QueryResult(row.image, truths, row.ignore_ids, row.kind, matches, error, left_out)


def find_leaks(collection: Collection, truth: Iterable[TruthRow]) -> list[tuple[AnyPath, str]]:
    """Return the queries whose very file is in the gallery, each with the image's id.

    Such a query measures nothing: it finds itself.
    """
    return _leaks(truth, collection.gallery.rows.digests())


def _leaks(truth: Iterable[TruthRow], digests: Mapping[str, str]) -> list[tuple[AnyPath, str]]:
    leaks = []
    for row in truth:
        # A photo that cannot be read is reported when it is searched with.
        with suppress(ImageError):
            digest = file_digest(read_bytes(row.image))
            if digest in digests:
                leaks.append((row.image, digests[digest]))
    return leaks


def refuse_leaks(leaks: Sequence[tuple[AnyPath, str]], truth: AnyPath | None, queries: int) -> None:
    """Refuse a truth table whose photos are in the gallery: each of them finds itself.

    Args:
        leaks: such photos, each with the id of the image that it is.
        truth: the table, if it is a file.
        queries: photos of the table.

    Raises:
        TableError: when there is any leak.
    """
    if leaks:
        raise TableError(
            f"{truth or 'the truth table'}: {len(leaks)} of {queries} queries are in the gallery "
            f"themselves, such as {leaks[0][0].name} (image {leaks[0][1]}); take them out, or "
            "allow it: --allow-leaks, in Python allow_leaks=True"
        )


def find_copies(catalogue: Catalogue, truth: Sequence[TruthRow]) -> list[tuple[AnyPath, str]]:
    """Return the queries whose very file is in a catalogue, each with the image's id."""
    sizes = {_size(row.image) for row in truth} - {0}
    digests: dict[str, str] = {}
    for row in catalogue.rows.select(["image_id", "image"]).to_pylist():
        path = catalogue.image_path(row["image"])
        # Only a file of the same length can be a copy: half a million need not be read.
        if _size(path) in sizes:
            digests[file_digest(read_bytes(path))] = row["image_id"]
    return _leaks(truth, digests)


def _size(path: AnyPath) -> int:
    with suppress(OSError):
        return picture_stamp(path)[0]
    return 0


def unknown_truths(collection: Collection, truth: Sequence[TruthRow]) -> list[str]:
    """Return the product ids that the truth names and the collection does not hold, sorted."""
    named = sorted({product for row in truth for product in row.product_ids})
    return sorted(set(named) - collection.gallery.products.known(named))


def truth_pictures(collection: Collection, truth: Sequence[TruthRow]) -> dict[str, AnyPath]:
    """Return a catalogue picture of each product that the truth names."""
    named = sorted({product for row in truth for product in row.product_ids})
    pictures = collection.gallery.products.pictures(named)
    return {product: as_path(path) for product, path in pictures.items()}
