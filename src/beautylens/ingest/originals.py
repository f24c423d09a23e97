"""All descriptors of a gallery in one array, and database augmentation."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from beautylens.arrays import Float32
from beautylens.features.neighbours.knn import blend, nearest_neighbours
from beautylens.store.columns import stacked, vectors
from beautylens.store.gallery import Gallery
from beautylens.store.lance import key_field
from beautylens.store.rows import STREAMED_ROWS


@dataclass(frozen=True, slots=True, eq=False)
class Originals:
    """The descriptors of a gallery from before augmentation, ordered by image id.

    image_ids and digests (N,) strings; descriptors (N, D) float32, memory-mapped.
    """

    image_ids: tuple[str, ...]
    digests: tuple[str, ...]
    descriptors: Float32


@contextmanager
def originals(gallery: Gallery) -> Iterator[Originals]:
    """Yield the descriptors from before augmentation, in a temporary file.

    They are ordered by id, so that results do not depend on the order of the catalogue.
    """
    schema = pa.schema([key_field("image_id"), ("digest", pa.string())])
    images = pa.Table.from_batches(gallery.rows.stream(schema.names), schema).sort_by("image_id")
    image_ids = tuple(images["image_id"].to_pylist())
    with tempfile.TemporaryDirectory() as folder:
        shape = (max(1, len(image_ids)), gallery.rows.dimensions)
        mapped = np.memmap(Path(folder) / "descriptors", np.float32, "w+", shape=shape)
        descriptors = mapped[: len(image_ids)]
        _fill(descriptors, image_ids, gallery)
        yield Originals(image_ids, tuple(images["digest"].to_pylist()), descriptors)


def augment_gallery(gallery: Gallery, n: int, alpha: float, weight: float = 1.0) -> None:
    """Replace every stored descriptor by a blend with its n nearest (DBA).

    The originals are kept, so that it can be repeated with other settings or after products were
    added; n = 0 restores them. Meanwhile searches see some images augmented; after an interruption
    call it again.

    Args:
        gallery: of any size; the descriptors are in a temporary file.
        n: nearest images to blend in.
        alpha: exponent of the similarity in an image's weight.
        weight: of the nearest images.

    Raises:
        CollectionError: when the disk is full or the collection may not be written.
    """
    gallery.rows.keep_originals()
    gallery.ensure_indexes()
    with originals(gallery) as kept:
        neighbours = nearest_neighbours(kept.descriptors, n)
        for start in range(0, len(kept.image_ids), STREAMED_ROWS):
            part = slice(start, start + STREAMED_ROWS)
            own = np.asarray(kept.descriptors[part])
            others = kept.descriptors[neighbours.rows[part]]
            blended = blend(own, others, neighbours.similarities[part], alpha, weight)
            gallery.rows.replace(
                pa.table(
                    {
                        "image_id": pa.array(kept.image_ids[part], pa.string()),
                        "digest": pa.array(kept.digests[part], pa.string()),
                        "descriptor": vectors(blended),
                        "original": vectors(own),
                    }
                )
            )
    gallery.ensure_indexes(rebuild=True)


def _fill(descriptors: Float32, image_ids: tuple[str, ...], gallery: Gallery) -> None:
    """Write each image's descriptor at its index, without images added meanwhile."""
    indexes = {image_id: index for index, image_id in enumerate(image_ids)}
    columns = ["image_id", "descriptor", *(["original"] if gallery.rows.has("original") else [])]
    for batch in gallery.rows.stream(columns):
        found = [indexes.get(image_id, -1) for image_id in batch["image_id"].to_pylist()]
        known = np.array(found) >= 0
        descriptors[np.array(found)[known]] = _encoded(batch)[known]


def _encoded(batch: pa.RecordBatch) -> Float32:
    """Return the original descriptor of each row."""
    rows = stacked(batch["descriptor"]).copy()
    if "original" in batch.schema.names:
        replaced = batch["original"].is_valid().to_numpy(zero_copy_only=False)
        rows[replaced] = stacked(batch["original"])
    return rows
