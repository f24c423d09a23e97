"""What a collection has learnt from its own catalogue: projections, vocabularies, graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from beautylens.store.lance import key_field, sql_list, table_names

SCHEMA = pa.schema([key_field("name"), pa.field("value", pa.large_binary())])


class Artefacts:
    """Named values of one gallery, kept in a LanceDB table that is made when first needed."""

    def __init__(self, database: Any, table: str = "learnt") -> None:
        self._database = database
        self._table = table

    def get(self, name: str) -> bytes | None:
        """Return a value, or None where it has not been learnt."""
        if self._table not in table_names(self._database):
            return None
        query = self._database.open_table(self._table).search().where(f"name = {sql_list([name])}")
        values = query.to_arrow()["value"].to_pylist()
        return values[0] if values else None

    def version(self) -> int:
        """Return a number that grows with every change."""
        if self._table not in table_names(self._database):
            return 0
        return int(self._database.open_table(self._table).version)

    def put(self, values: Mapping[str, bytes]) -> None:
        """Write values, each in place of its former one."""
        if not values:
            return
        columns = [pa.array(list(values)), pa.array(list(values.values()), pa.large_binary())]
        table = self._database.create_table(self._table, schema=SCHEMA, exist_ok=True)
        (
            table.merge_insert("name")
            .when_matched_update_all()
            .when_not_matched_insert_all()
            .execute(pa.table(columns, schema=SCHEMA))
        )
