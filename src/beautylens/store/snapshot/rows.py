"""The rows of a gallery, read from its search snapshot while that is current."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from beautylens.arrays import Float32, Int64
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.thumbnail import Thumbnail
from beautylens.inputs.several import several
from beautylens.results import Match, Matches
from beautylens.store.columns import Vectors, cosines, to_match
from beautylens.store.conditions import Joined
from beautylens.store.filters import parse_sql
from beautylens.store.rows import Rows
from beautylens.store.schema import PLAIN, THUMBNAIL
from beautylens.store.snapshot.generation import Generation
from beautylens.store.snapshot.snapshot import Snapshot
from beautylens.store.snapshot.words import SnapshotWords
from beautylens.store.table import Table


class SnapshotRows(Rows):
    """Rows whose reading verbs of a search use the snapshot; all others use Lance.

    Args:
        table: of the images.
        address: of the gallery, for errors.
        snapshot: of the gallery.
    """

    def __init__(self, table: Table, address: str, snapshot: Snapshot) -> None:
        super().__init__(table, address)
        self._snapshot = snapshot
        self.words = SnapshotWords(self.words, snapshot, "images")

    @property
    def extra(self) -> tuple[str, ...]:
        """The metadata columns of the catalogue."""
        current = self._snapshot.current()
        return super().extra if current is None else _extra(current)

    @property
    def vector_lengths(self) -> dict[Vectors, int]:
        """Length of each kind of vector that the rows have."""
        current = self._snapshot.current()
        if current is None:
            return super().vector_lengths
        lengths = current.images.columns.vectors
        return {name: lengths[name] for name in _VECTORS if name in lengths}

    @property
    def version(self) -> int:
        """The number of the latest version; each commit adds one."""
        current = self._snapshot.current()
        return super().version if current is None else current.manifest.stamp["images"][0]

    def count(self, where: str | None = None) -> int:
        """Return the number of images."""
        current = self._snapshot.current()
        if current is None or where is not None:
            return super().count(where)
        return current.images.count

    def product_count(self) -> int:
        """Return the number of products."""
        current = self._snapshot.current()
        return super().product_count() if current is None else current.images.distinct("product_id")

    def at(
        self, row_ids: Iterable[int], columns: Sequence[Vectors]
    ) -> tuple[list[Match], list[Float32]]:
        """Return images by row id, ordered by image id, not scored, and their vectors, (N, D) each.

        Args:
            row_ids: from a vector index; removed images are left out.
            columns: the vectors to return.
        """
        ids = list(dict.fromkeys(row_ids))
        own = next((row_id for row_id in ids if row_id < 0), None)
        if own is None:
            return super().at(ids, columns)
        opened = self._snapshot.opened(own)
        if opened is None:
            return super().at([], columns)
        rows, matches = _by_image_id(opened, opened.rows(ids))
        return matches, [opened.images.vectors(rows, name) for name in several(columns)]

    def images(self, image_ids: Sequence[str]) -> dict[str, Match]:
        """Return the images that exist by id, not scored."""
        current = self._snapshot.current()
        if current is None:
            return super().images(image_ids)
        _, matches = _by_image_id(current, _rows_of(current, image_ids)[1])
        return {match.image_id: match for match in matches}

    def matching(self, where: str) -> Matches:
        """Return the images that meet an SQL condition ordered by id, not scored."""
        current = self._snapshot.current()
        if current is None:
            return super().matching(where)
        return Matches(tuple(_by_image_id(current, _where(current, where))[1]))

    def scored(self, condition: str, descriptor: Float32, where: str | None = None) -> Matches:
        """Return all images that meet SQL conditions by cosine with a descriptor, best first.

        Args:
            condition: an SQL condition.
            descriptor: (D,) float32, unit length.
            where: a further SQL condition, if any.
        """
        current = self._snapshot.current()
        if current is None:
            return super().scored(condition, descriptor, where)
        return _scored(current, _where(current, condition, where), descriptor)

    def with_gtin(
        self, gtins: Iterable[str], descriptor: Float32, where: str | None = None
    ) -> Matches:
        """Return the images whose GTIN may be any of some, by cosine with a descriptor.

        Args:
            gtins: of fourteen digits; the catalogue may have any spelling.
            descriptor: (D,) float32, unit length.
            where: a further SQL condition on the images.
        """
        current = self._snapshot.current()
        if current is None:
            return super().with_gtin(gtins, descriptor, where)
        rows = current.images.with_gtin(gtins)
        if where is not None:
            rows = np.intersect1d(rows, _where(current, where))
        return _scored(current, rows, descriptor)

    def vectors(
        self, image_ids: Sequence[str], columns: Sequence[Vectors]
    ) -> tuple[list[str], list[Float32]]:
        """Return the ids of the images that exist, in any order, and their vectors, (N, D) each."""
        current = self._snapshot.current()
        if current is None:
            return super().vectors(image_ids, columns)
        ids, rows = _rows_of(current, image_ids)
        return ids, [current.images.vectors(rows, name) for name in several(columns)]

    def keypoints(self, image_ids: Sequence[str]) -> dict[str, Keypoints]:
        """Return the stored keypoints by image id."""
        current = self._snapshot.current()
        if current is None:
            return super().keypoints(image_ids)
        ids, rows = _rows_of(current, image_ids)
        stored = current.images.blobs(rows, "keypoints")
        return {i: Keypoints.from_bytes(data) for i, data in zip(ids, stored, strict=True)}

    def thumbnails(self, image_ids: Sequence[str]) -> dict[str, Thumbnail]:
        """Return the thumbnails by image id; empty if the gallery has none."""
        current = self._snapshot.current()
        if current is None:
            return super().thumbnails(image_ids)
        if THUMBNAIL[0] not in current.images.columns.blobs:
            return {}
        ids, rows = _rows_of(current, image_ids)
        stored = current.images.blobs(rows, THUMBNAIL[0])
        scales = current.images.vectors(rows, THUMBNAIL[1])[:, 0].tolist()
        return {
            image_id: Thumbnail.from_jpeg(data, scale)
            for image_id, data, scale in zip(ids, stored, scales, strict=True)
            if data
        }


_VECTORS: tuple[Vectors, ...] = ("descriptor", "vlad")


def _extra(current: Generation) -> tuple[str, ...]:
    return tuple(n for n in current.images.columns.compared if n not in PLAIN)


def _where(current: Generation, *conditions: str | None) -> Int64:
    """Return the rows that meet all of some SQL conditions."""
    columns = current.images.columns.compared
    parsed = tuple(parse_sql(each, columns) for each in conditions if each is not None)
    return current.images.where(parsed[0] if len(parsed) == 1 else Joined("AND", parsed))


def _rows_of(current: Generation, image_ids: Iterable[str]) -> tuple[list[str], Int64]:
    """Return the ids of the images that exist, and their rows."""
    found = dict(current.images.rows_of("image_id", several(image_ids)))
    return list(found), np.fromiter(found.values(), np.int64, len(found))


def _by_image_id(current: Generation, rows: Int64) -> tuple[Int64, list[Match]]:
    """Return rows in the order of their image ids, and their matches."""
    names, extra = current.images.columns.texts, _extra(current)
    texts = current.images.texts(rows, names)
    order = sorted(range(len(rows)), key=lambda index: texts[index]["image_id"])
    return rows[order], [to_match(texts[index], extra, 0.0) for index in order]


def _scored(current: Generation, rows: Int64, descriptor: Float32) -> Matches:
    names, extra = current.images.columns.texts, _extra(current)
    texts = current.images.texts(rows, names)
    near = cosines(current.images.vectors(rows, "descriptor"), descriptor).tolist()
    return Matches.ranked(to_match(row, extra, c) for row, c in zip(texts, near, strict=True))
