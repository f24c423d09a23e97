"""The lines of text read on catalogue pictures, with their positions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa

from beautylens.inputs.several import several
from beautylens.store.lance import key_field, of_images, of_products, plain_errors
from beautylens.store.table import Table, table_address, table_names
from beautylens.text.ocr import Line

NAME = "lines"
SCHEMA = pa.schema(
    [
        key_field("image_id"),
        pa.field("product_id", pa.string()),
        # Of the file that was read: a changed one is read again.
        pa.field("digest", pa.string()),
        pa.field("lines", pa.string()),
    ]
)
# Rows from which on ids are looked up by an index.
_INDEXED = 20_000


class PictureLines(NamedTuple):
    """The lines on one catalogue picture; corners are pixels of the picture for keypoints."""

    image_id: str
    product_id: str
    digest: str
    lines: tuple[Line, ...]


class PictureText:
    """The text of one gallery's pictures, in a table that is created by the first of them.

    Args:
        address: of the gallery.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def read(self, image_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
        """Return the lines of those pictures that were read, by image id."""
        ids = several(image_ids)
        with plain_errors(self._address, "read"):
            table = self._opened()
            if table is None or not ids:
                return {}
            rows = table.select(["image_id", "lines"], of_images(ids))
        return {row["image_id"]: _from_json(row["lines"]) for row in rows.to_pylist()}

    def of_products(self, product_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
        """Return the lines on all pictures of those products that were read, by product id."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            if table is None:
                return {}
            rows = table.select(["product_id", "image_id", "lines"], of_products(product_ids))
        found: dict[str, tuple[Line, ...]] = {}
        for row in rows.sort_by("image_id").to_pylist():
            before = found.get(row["product_id"], ())
            found[row["product_id"]] = (*before, *_from_json(row["lines"]))
        return found

    def digests(self, where: str | None = None) -> dict[str, str]:
        """Return the digest of the file that was read, by image id.

        Args:
            where: an SQL condition on image or product ids; all pictures by default.
        """
        with plain_errors(self._address, "read"):
            table = self._opened()
            if table is None:
                return {}
            rows = table.select(["image_id", "digest"], where)
        return dict(zip(rows["image_id"].to_pylist(), rows["digest"].to_pylist(), strict=True))

    def count(self) -> int:
        """Return the number of pictures that were read."""
        with plain_errors(self._address, "read"):
            table = self._opened()
            return 0 if table is None else table.count_rows()

    def put(self, pictures: Sequence[PictureLines]) -> None:
        """Write the lines of pictures, replacing those of the same image ids, in one commit."""
        if not pictures:
            return
        rows = [each._asdict() | {"lines": _to_json(each.lines)} for each in pictures]
        with plain_errors(self._address, "written"):
            table = Table.ensure(table_address(self._address, NAME), SCHEMA)
            table.merge("image_id", pa.Table.from_pylist(rows, schema=SCHEMA))

    def delete(self, product_ids: Iterable[str]) -> None:
        """Delete the lines on all pictures of these products."""
        self._delete(of_products(product_ids))

    def delete_images(self, image_ids: Iterable[str]) -> None:
        """Delete the lines on these pictures."""
        self._delete(of_images(image_ids))

    def ensure_index(self) -> None:
        """Index ids where there are many, so that a search need not scan them."""
        with plain_errors(self._address, "written"):
            table = self._opened()
            if table is not None and table.count_rows() >= _INDEXED:
                for name in ("image_id", "product_id"):
                    with table.writing() as dataset:
                        dataset.create_scalar_index(name, "BTREE", replace=True)

    def _delete(self, where: str) -> None:
        with plain_errors(self._address, "written"):
            table = self._opened()
            if table is not None and table.count_rows(where):
                table.delete(where)

    def _opened(self) -> Table | None:
        there = NAME in table_names(self._address)
        return Table(table_address(self._address, NAME)) if there else None


def _to_json(lines: Sequence[Line]) -> str:
    return json.dumps(
        [
            [
                line.text,
                round(line.confidence, 3),
                [round(value, 1) for corner in line.corners for value in corner],
            ]
            for line in lines
        ],
        ensure_ascii=False,
    )


def _from_json(text: str) -> tuple[Line, ...]:
    return tuple(
        Line(words, confidence, tuple(zip(corners[::2], corners[1::2], strict=True)))
        for words, confidence, corners in json.loads(text)
    )
