"""Catalogue pictures that could not be indexed: remembered until mended or removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from beautylens.store.lance import of_products
from beautylens.unicode_text import printable

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
    """The failures of one gallery, kept in a LanceDB table of their own."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def replace(self, product_ids: Iterable[str], failures: Sequence[Failure]) -> None:
        """Forget what is known of these products, and note their failures of now."""
        self.forget(product_ids)
        if failures:
            # The path of a file may hold bytes that are no text.
            rows = [asdict(one) | {"error": printable(one.error)} for one in failures]
            self._table.add(pa.Table.from_pylist(rows, schema=SCHEMA))

    def forget(self, product_ids: Iterable[str]) -> None:
        """Forget the failures of these products."""
        if self._table.count_rows():
            self._table.delete(of_products(product_ids))

    def all(self) -> tuple[Failure, ...]:
        """Return the failures in the order of their rows."""
        rows = self._table.search().to_arrow().to_pylist()
        return tuple(sorted((Failure(**row) for row in rows), key=lambda failure: failure.row))
