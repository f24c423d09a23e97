"""Artefacts computed over the whole gallery and kept with it, such as a projection or a graph."""

from __future__ import annotations

import pyarrow as pa

from beautylens.store.lance import key_field, plain_errors, sql_list
from beautylens.store.table import Table, table_address, table_names

SCHEMA = pa.schema([key_field("name"), pa.field("value", pa.large_binary())])


class Artefacts:
    """Named values of one gallery, in a table that is created by the first of them.

    Args:
        address: of the gallery.
        table: name of the table.
    """

    def __init__(self, address: str, table: str) -> None:
        self._address, self._table = address, table

    def get(self, name: str) -> bytes | None:
        """Return a value by its name, or None."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            if table is None:
                return None
            rows = table.select(where=f"name = {sql_list([name])}")
        values = rows["value"].to_pylist()
        return values[0] if values else None

    def all(self) -> dict[str, bytes]:
        """Return all values by name."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            rows = [] if table is None else table.select().to_pylist()
        return {row["name"]: row["value"] for row in rows}

    def version(self) -> int:
        """Return a number that increases with every change."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            return 0 if table is None else table.version

    def put(self, name: str, value: bytes) -> None:
        """Write a value, replacing one of the same name."""
        columns = [pa.array([name]), pa.array([value], pa.large_binary())]
        with plain_errors(self._address, "written"):
            table = Table.ensure(table_address(self._address, self._table), SCHEMA)
            table.merge("name", pa.table(columns, schema=SCHEMA))

    def _opened(self) -> Table | None:
        there = self._table in table_names(self._address)
        return Table(table_address(self._address, self._table)) if there else None
