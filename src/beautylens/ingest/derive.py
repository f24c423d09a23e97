"""Artefacts computed over the whole gallery: augmentation, diffusion and textual index."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

from beautylens.errors import CollectionError
from beautylens.features.neighbours.diffusion import Graph
from beautylens.ingest.offline_diffusion import OfflineDiffusion
from beautylens.ingest.originals import augment_gallery
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import LateDiffusionSettings
from beautylens.store.gallery import Gallery
from beautylens.text.product_texts import product_texts
from beautylens.text.text_index import TextIndex

DIFFUSION, TEXT, STATE = "diffusion", "text", "derived_from"


@dataclass(frozen=True, slots=True)
class Derived:
    """The artefacts that search steps read; None if the recipe has no use for one."""

    diffusion: OfflineDiffusion | None = None
    text: TextIndex | None = None


def derives(recipe: Recipe) -> bool:
    """Return whether a recipe has such artefacts."""
    late = isinstance(recipe.expand, LateDiffusionSettings)
    return late or recipe.augment is not None or recipe.expand_by_name is not None


def derive(recipe: Recipe, gallery: Gallery) -> None:
    """Compute the recipe's artefacts again if rows changed; the cost grows with the gallery."""
    if not derives(recipe):
        return
    state = _state(gallery)
    if gallery.artefacts.get(STATE) != state:
        _derive(recipe, gallery)
        # Last, so that an interrupted computation is repeated.
        gallery.artefacts.put(STATE, state)


def _state(gallery: Gallery) -> bytes:
    """Return a digest of all images: their ids, files and texts."""
    columns = ("image_id", "digest", "name", "brand", "category", "gtin", *gallery.rows.extra)
    digest = hashlib.blake2b(digest_size=16)
    rows = (row for batch in gallery.rows.stream(columns) for row in batch.to_pylist())
    for line in sorted("\x00".join(row[name] or "" for name in columns) for row in rows):
        digest.update(line.encode("utf-8", "surrogatepass") + b"\x01")
    return digest.digest()


def _derive(recipe: Recipe, gallery: Gallery) -> None:
    if recipe.augment is not None:
        augment_gallery(gallery, recipe.augment.n, recipe.augment.alpha)
    if isinstance(recipe.expand, LateDiffusionSettings):
        late = recipe.expand
        graph = Graph(k_d=late.k_d, gamma=late.gamma, alpha=late.alpha)
        offline = OfflineDiffusion.of(gallery, graph, truncation=late.truncation)
        gallery.artefacts.put(DIFFUSION, offline.to_bytes())
    if recipe.expand_by_name is not None:
        columns = recipe.expand_by_name.columns
        schema = pa.schema([(name, pa.string()) for name in ("product_id", *columns)])
        rows = pa.Table.from_batches(gallery.rows.stream(schema.names), schema)
        texts = product_texts(rows, columns)
        index = TextIndex.fit(
            list(texts),
            list(texts.values()),
            words=recipe.expand_by_name.words,
            characters=recipe.expand_by_name.characters,
        )
        gallery.artefacts.put(TEXT, index.to_bytes())


def read_derived(recipe: Recipe, gallery: Gallery) -> Derived:
    """Return the artefacts that search steps read.

    Raises:
        CollectionError: when one is missing, or images were added or removed since.
    """
    diffusion, text = None, None
    if isinstance(recipe.expand, LateDiffusionSettings):
        diffusion = OfflineDiffusion.from_bytes(_kept(gallery, DIFFUSION))
        diffusion.refuse_changed(gallery)
    if recipe.expand_by_name is not None:
        text = TextIndex.from_bytes(_kept(gallery, TEXT))
    return Derived(diffusion, text)


def _kept(gallery: Gallery, name: str) -> bytes:
    value = gallery.artefacts.get(name)
    if value is None:
        raise CollectionError(
            f"{gallery.address}: its {name} index is missing; run `beautylens index` again"
        )
    return value
