"""The lines of text read on catalogue pictures, with their positions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from beautylens.store.lance import key_field, of_images, of_products, plain_errors
from beautylens.store.table import Table
from beautylens.store.word_index import WordIndex, create_word_index
from beautylens.text.index_words import index_words
from beautylens.text.ocr import Line

SCHEMA = pa.schema(
    [
        key_field("image_id"),
        pa.field("product_id", pa.string()),
        # Of the file that was read: a changed one is read again.
        pa.field("digest", pa.string()),
        pa.field("lines", pa.string()),
        # Normal forms of the words in the lines, for look-up.
        pa.field("words", pa.string()),
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
    """The text of one gallery's pictures, in a Lance table beside its rows.

    Attributes:
        words: look-up of products by the words in the lines.

    Args:
        table: one picture per row.
        address: of the gallery, for errors.
    """

    def __init__(self, table: Table, address: str) -> None:
        self._table, self._address = table, address
        self.words = WordIndex(table, "words", address)

    def read(self, image_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
        """Return the lines of those pictures that were read, by image id."""
        with plain_errors(self._address, "read"):
            rows = self._table.select(["image_id", "lines"], of_images(image_ids))
        return {row["image_id"]: lines_of(row["lines"]) for row in rows.to_pylist()}

    def of_products(self, product_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
        """Return the lines on all pictures of those products that were read, by product id."""
        with plain_errors(self._address, "read"):
            rows = self._table.select(["product_id", "image_id", "lines"], of_products(product_ids))
        found: dict[str, tuple[Line, ...]] = {}
        for row in rows.sort_by("image_id").to_pylist():
            before = found.get(row["product_id"], ())
            found[row["product_id"]] = (*before, *lines_of(row["lines"]))
        return found

    def digests(self, where: str | None = None) -> dict[str, str]:
        """Return the digest of the file that was read, by image id.

        Args:
            where: an SQL condition on image or product ids; all pictures by default.
        """
        with plain_errors(self._address, "read"):
            rows = self._table.select(["image_id", "digest"], where)
        return dict(zip(rows["image_id"].to_pylist(), rows["digest"].to_pylist(), strict=True))

    def count(self) -> int:
        """Return the number of pictures that were read."""
        with plain_errors(self._address, "read"):
            return self._table.count_rows()

    def put(self, pictures: Sequence[PictureLines]) -> None:
        """Write the lines of pictures, replacing those of the same image ids, in one commit."""
        if not pictures:
            return
        rows = [
            each._asdict()
            | {
                "lines": _to_json(each.lines),
                "words": index_words(line.text for line in each.lines),
            }
            for each in pictures
        ]
        with plain_errors(self._address, "written"):
            # Collections of earlier versions have no column of words.
            names = [name for name in SCHEMA.names if name in self._table.schema.names]
            self._table.merge("image_id", pa.Table.from_pylist(rows, schema=SCHEMA).select(names))

    def delete(self, product_ids: Iterable[str]) -> None:
        """Delete the lines on all pictures of these products."""
        self._delete(of_products(product_ids))

    def delete_images(self, image_ids: Iterable[str]) -> None:
        """Delete the lines on these pictures."""
        self._delete(of_images(image_ids))

    def delete_changed(self, digests: Mapping[str, str]) -> None:
        """Delete the lines of pictures whose file has another digest than the one read.

        Args:
            digests: of the present files, by image id.
        """
        known = self.digests(of_images(digests))
        self.delete_images([name for name, digest in known.items() if digest != digests[name]])

    def compact(self) -> None:
        """Merge small fragments, and index the ids where there are many."""
        with plain_errors(self._address, "written"), self._table.writing() as dataset:
            dataset.optimize.compact_files()
            if dataset.count_rows() < _INDEXED:
                return
            indexed = {name for each in dataset.describe_indices() for name in each.field_names}
            for name in {"image_id", "product_id"} - indexed:
                dataset.create_scalar_index(name, "BTREE")
            if "words" in set(dataset.schema.names) - indexed:
                create_word_index(dataset, "words")
            dataset.optimize.optimize_indices()

    def _delete(self, where: str) -> None:
        with plain_errors(self._address, "written"):
            if self._table.count_rows(where):
                self._table.delete(where)


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


def lines_of(text: str) -> tuple[Line, ...]:
    """Return the lines of the stored form."""
    return tuple(
        Line(words, confidence, tuple(zip(corners[::2], corners[1::2], strict=True)))
        for words, confidence, corners in json.loads(text)
    )
