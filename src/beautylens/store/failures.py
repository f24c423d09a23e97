"""Catalogue pictures that could not be indexed, until their products are replaced or removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa

from beautylens.inputs.unicode_text import printable
from beautylens.store.lance import of_products, plain_errors
from beautylens.store.table import Table

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("product_id", pa.string()),
        ("image", pa.string()),
        ("row", pa.int64()),
        ("error", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A catalogue picture that could not be indexed, and why."""

    image_id: str
    product_id: str
    image: str
    row: int
    error: str


class FailureLog:
    """The failures of one gallery, in a Lance table.

    Args:
        table: one failure per row.
        address: of the gallery, for errors.
    """

    def __init__(self, table: Table, address: str) -> None:
        self._table, self._address = table, address

    def replace(self, product_ids: Iterable[str], failures: Sequence[Failure]) -> None:
        """Replace the failures of these products."""
        self.delete(product_ids)
        if failures:
            # A file name may have bytes that are not text.
            rows = [asdict(one) | {"error": printable(one.error)} for one in failures]
            with plain_errors(self._address, "written"):
                self._table.add(pa.Table.from_pylist(rows, schema=SCHEMA))

    def delete(self, product_ids: Iterable[str]) -> None:
        """Delete the failures of these products."""
        with plain_errors(self._address, "written"):
            if self._table.count_rows():
                self._table.delete(of_products(product_ids))

    def all(self) -> tuple[Failure, ...]:
        """Return the failures in the order of the catalogue table."""
        with plain_errors(self._address, "read"):
            rows = self._table.select().to_pylist()
        return tuple(sorted((Failure(**row) for row in rows), key=lambda failure: failure.row))
