"""Artefacts computed over the whole gallery and kept with it, such as a projection or a graph."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from beautylens.store.lance import key_field, plain_errors, sql_list, table_names

SCHEMA = pa.schema([key_field("name"), pa.field("value", pa.large_binary())])


class Artefacts:
    """Named values of one gallery, in a LanceDB table that is created by the first of them.

    Args:
        database: of the gallery.
        address: of the gallery, for errors.
        table: name of the table.
    """

    def __init__(self, database: Any, address: str, table: str) -> None:
        self._database, self._address, self._table = database, address, table

    def get(self, name: str) -> bytes | None:
        """Return a value by its name, or None."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            if table is None:
                return None
            rows = table.search().where(f"name = {sql_list([name])}").to_arrow()
        values = rows["value"].to_pylist()
        return values[0] if values else None

    def version(self) -> int:
        """Return a number that increases with every change."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            return 0 if table is None else int(table.version)

    def put(self, name: str, value: bytes) -> None:
        """Write a value, replacing one of the same name."""
        columns = [pa.array([name]), pa.array([value], pa.large_binary())]
        with plain_errors(self._address, "written"):
            table = self._database.create_table(self._table, schema=SCHEMA, exist_ok=True)
            (
                table.merge_insert("name")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .execute(pa.table(columns, schema=SCHEMA))
            )

    def _opened(self) -> Any:
        if self._table not in table_names(self._database):
            return None
        return self._database.open_table(self._table)
