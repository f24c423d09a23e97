"""The lines of text on catalogue pictures, and the artefacts, read from a search snapshot."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from beautylens.inputs.several import several, several_ids
from beautylens.inputs.unicode_text import composed
from beautylens.store.artefacts import Artefacts
from beautylens.store.picture_text import PictureText, lines_of
from beautylens.store.snapshot.generation import Generation
from beautylens.store.snapshot.snapshot import Snapshot
from beautylens.store.snapshot.words import SnapshotWords
from beautylens.store.table import Table
from beautylens.text.ocr import Line


class SnapshotPictureText(PictureText):
    """Lines whose reading verbs of a search use the snapshot while it is current.

    Args:
        table: one picture per row.
        address: of the gallery, for errors.
        snapshot: of the gallery.
    """

    def __init__(self, table: Table, address: str, snapshot: Snapshot) -> None:
        super().__init__(table, address)
        self._snapshot = snapshot
        self.words = SnapshotWords(self.words, snapshot, "lines")

    def read(self, image_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
        """Return the lines of those pictures that were read, by image id."""
        current = self._snapshot.current()
        if current is None:
            return super().read(image_ids)
        found = _looked_up(current, "image_id", several(image_ids))
        return {image_id: lines for _, image_id, lines in found}

    def of_products(self, product_ids: Iterable[str]) -> dict[str, tuple[Line, ...]]:
        """Return the lines on all pictures of those products that were read, by product id."""
        current = self._snapshot.current()
        if current is None:
            return super().of_products(product_ids)
        ids = several_ids(product_ids)
        found: dict[str, tuple[Line, ...]] = {}
        for product, _, lines in _looked_up(current, "product_id", [*ids, *map(composed, ids)]):
            found[product] = (*found.get(product, ()), *lines)
        return found


class SnapshotArtefacts(Artefacts):
    """Artefacts that are read from the snapshot while it is current.

    Args:
        address: of the gallery.
        table: name of the table.
        snapshot: of the gallery.
    """

    def __init__(self, address: str, table: str, snapshot: Snapshot) -> None:
        super().__init__(address, table)
        self._snapshot = snapshot

    def get(self, name: str) -> bytes | None:
        """Return a value by its name, or None."""
        current = self._snapshot.current()
        return super().get(name) if current is None else current.artefact(name)

    def version(self) -> int:
        """Return a number that increases with every change."""
        current = self._snapshot.current()
        if current is None:
            return super().version()
        return current.manifest.stamp.get(self._table, (0, 0))[0]


def _looked_up(
    current: Generation, column: str, ids: Iterable[str]
) -> list[tuple[str, str, tuple[Line, ...]]]:
    """Return product, image and lines of pictures by one of their ids, ordered by image."""
    listed = current.lines.rows_of(column, dict.fromkeys(ids))
    rows = np.array([row for _, row in listed], np.int64)
    texts = current.lines.texts(rows, ("product_id", "image_id", "lines"))
    found = sorted((each["image_id"], each["product_id"], each["lines"]) for each in texts)
    return [(product, image, lines_of(lines)) for image, product, lines in found]
