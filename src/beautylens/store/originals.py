"""All descriptors of a gallery at once, and their augmentation by those of their neighbours."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from beautylens.features.neighbours.knn import blend, nearest_neighbours
from beautylens.store.columns import stacked, vectors
from beautylens.store.gallery import Gallery
from beautylens.store.lance import key_field
from beautylens.store.rows import STREAMED_ROWS

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Originals:
    """The descriptors of a gallery as the encoder made them, in the order of their image ids.

    image_ids and digests (N,) strings; descriptors (N, D) float32, mapped from a file.
    """

    image_ids: tuple[str, ...]
    digests: tuple[str, ...]
    descriptors: Floats


@contextmanager
def originals(gallery: Gallery) -> Iterator[Originals]:
    """Lend the descriptors from before any augmentation; they lie in a temporary file meanwhile.

    The order by id makes what is computed of them independent of the order of the catalogue.
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


def augment_gallery(gallery: Gallery, n: int, alpha: float) -> None:
    """Replace every stored descriptor by itself blended with its n nearest (DBA).

    The originals are kept, so that it can be done again, with other settings or after products
    were added; n = 0 brings them back. Meanwhile searches see some images augmented already,
    and a gallery where this was interrupted is mended by doing it again.

    Args:
        gallery: at any size; the descriptors pass through a temporary file.
        n: others blended into each.
        alpha: the power that turns their similarities into weights.

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
            blended = blend(own, others, neighbours.similarities[part], alpha)
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
    gallery.ensure_indexes(anew=True)


def _fill(descriptors: Floats, image_ids: tuple[str, ...], gallery: Gallery) -> None:
    """Write each image's descriptor at its index; images added meanwhile are left out."""
    indexes = {image_id: index for index, image_id in enumerate(image_ids)}
    columns = ["image_id", "descriptor", *(["original"] if gallery.rows.has("original") else [])]
    for batch in gallery.rows.stream(columns):
        found = [indexes.get(image_id, -1) for image_id in batch["image_id"].to_pylist()]
        known = np.array(found) >= 0
        descriptors[np.array(found)[known]] = _encoded(batch)[known]


def _encoded(batch: pa.RecordBatch) -> Floats:
    """Return what the encoder made of each row: the original, where augmentation replaced it."""
    rows = stacked(batch["descriptor"]).copy()
    if "original" in batch.schema.names:
        replaced = batch["original"].is_valid().to_numpy(zero_copy_only=False)
        rows[replaced] = stacked(batch["original"])
    return rows
