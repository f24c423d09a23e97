"""The text of each product, out of the rows that describe its pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa

from beautylens.errors import TableError
from beautylens.several import several
from beautylens.text.words import words_of

COLUMNS = ("brand", "name")


def product_texts(rows: pa.Table, columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """Return one text per product: what its columns say, in their order.

    A value whose words the text has already is left out, for many shops write the brand into the
    name and it would count twice.

    Args:
        rows: string columns `product_id` and those named, a row for each picture.
        columns: which ones make the text.

    Raises:
        TableError: when there is no such column.
    """
    columns = several(columns)
    missing = next((name for name in columns if name not in rows.column_names), None)
    if missing is not None:
        raise TableError(
            f"the textual index is to read column '{missing}', which the catalogue does not have; "
            f"its columns are {', '.join(rows.column_names)}"
        )
    values: dict[str, dict[str, None]] = {}
    texts = zip(*(rows[name].to_pylist() for name in columns), strict=True)
    products = rows["product_id"].to_pylist()
    for product, said in zip(products, texts if columns else [()] * len(products), strict=True):
        values.setdefault(product, {}).update(dict.fromkeys(said))
    return {product: _joined(said) for product, said in values.items()}


def _joined(values: Iterable[str]) -> str:
    """Join values in their order, but for those whose words another one says as well."""
    words = [(value, frozenset(words_of(value))) for value in values]
    return " ".join(
        value
        for place, (value, own) in enumerate(words)
        if own
        and not any(
            own < others or (own == others and earlier < place)
            for earlier, (_, others) in enumerate(words)
        )
    )
