"""The text of each product, joined from columns of the gallery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from beautylens.errors import TableError
from beautylens.inputs.several import several
from beautylens.text.words import words_of

COLUMNS = ("brand", "name")


def product_texts(rows: pa.Table, columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """Return one text for each product: the values of its columns, in their order.

    A value whose words another value has as well is left out: many shops write the brand into the
    name, and it would count twice.

    Args:
        rows: string columns `product_id` and `columns`, one row for each picture.
        columns: names of the columns.

    Raises:
        TableError: when there is no such column.
    """
    columns = several(columns)
    missing = next((name for name in columns if name not in rows.column_names), None)
    if missing is not None:
        raise TableError(
            f"the catalogue has no column '{missing}' for the text index; its columns are "
            f"{', '.join(rows.column_names)}"
        )
    values: dict[str, dict[str, None]] = {}
    texts = zip(*(rows[name].to_pylist() for name in columns), strict=True)
    products = rows["product_id"].to_pylist()
    for product, row in zip(products, texts if columns else [()] * len(products), strict=True):
        values.setdefault(product, {}).update(dict.fromkeys(row))
    return {product: _joined(row) for product, row in values.items()}


def _joined(values: Iterable[str]) -> str:
    """Join values in their order, without those whose words another one has as well."""
    words = [(value, frozenset(words_of(value))) for value in values]
    return " ".join(
        value
        for index, (value, own) in enumerate(words)
        if own
        and not any(
            own < others or (own == others and earlier < index)
            for earlier, (_, others) in enumerate(words)
        )
    )
