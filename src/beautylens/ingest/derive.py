"""Artefacts computed over the whole gallery: augmentation, diffusion and textual index."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pyarrow as pa

from beautylens.errors import CollectionError
from beautylens.features.neighbours.diffusion import Graph
from beautylens.ingest.offline_diffusion import NeighbourGraph, OfflineDiffusion
from beautylens.ingest.originals import augment_gallery
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import DiffusionSettings, LateDiffusionSettings
from beautylens.store.gallery import Gallery
from beautylens.text.product_texts import product_texts
from beautylens.text.text_index import TextIndex

DIFFUSION, TEXT, STATE = "diffusion", "text", "derived_from"


@dataclass(frozen=True, slots=True)
class Derived:
    """The artefacts that search steps read; None if the recipe has no use for one."""

    diffusion: OfflineDiffusion | None = None
    graph: NeighbourGraph | None = None
    text: TextIndex | None = None


def derives(recipe: Recipe) -> bool:
    """Return whether a recipe has such artefacts."""
    spreads = isinstance(recipe.expand, DiffusionSettings | LateDiffusionSettings)
    return spreads or recipe.augment is not None or recipe.expand_by_name is not None


def derive(recipe: Recipe, gallery: Gallery) -> None:
    """Compute the recipe's artefacts again if rows changed; the cost grows with the gallery."""
    if not derives(recipe):
        return
    state = gallery_digest(gallery)
    if gallery.artefacts.get(STATE) != state:
        _derive(recipe, gallery)
        # Last, so that an interrupted computation is repeated.
        gallery.artefacts.put(STATE, state)
    # It is missing where an earlier version, or another recipe, computed the others.
    elif _lacks_graph(recipe, gallery):
        _derive_graph(recipe, gallery)


def _lacks_graph(recipe: Recipe, gallery: Gallery) -> bool:
    early = recipe.expand
    return isinstance(early, DiffusionSettings) and gallery.artefacts.get(_graph(early.k_d)) is None


def _graph(k_d: int) -> str:
    """Return the name of the artefact: searches of one collection may differ in `k_d`."""
    return f"neighbours_{k_d}"


def gallery_digest(gallery: Gallery) -> bytes:
    """Return a digest of all images: their ids, files and texts."""
    columns = ("image_id", "digest", "name", "brand", "category", "gtin", *gallery.rows.extra)
    digest = hashlib.blake2b(digest_size=16)
    rows = (row for batch in gallery.rows.stream(columns) for row in batch.to_pylist())
    for line in sorted("\x00".join(row[name] or "" for name in columns) for row in rows):
        digest.update(line.encode("utf-8", "surrogatepass") + b"\x01")
    return digest.digest()


def _derive(recipe: Recipe, gallery: Gallery) -> None:
    if recipe.augment is not None:
        settings = recipe.augment
        augment_gallery(gallery, settings.n, settings.alpha, settings.weight)
    _derive_graph(recipe, gallery)
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


def _derive_graph(recipe: Recipe, gallery: Gallery) -> None:
    if isinstance(recipe.expand, DiffusionSettings):
        k_d = recipe.expand.k_d
        gallery.artefacts.put(_graph(k_d), NeighbourGraph.of(gallery, k_d).to_bytes())


def read_derived(recipe: Recipe, gallery: Gallery) -> Derived:
    """Return the artefacts that search steps read.

    Raises:
        CollectionError: when one is missing, or images were added or removed since.
    """
    diffusion, graph, text = None, None, None
    if isinstance(recipe.expand, DiffusionSettings):
        graph = NeighbourGraph.from_bytes(_kept(gallery, _graph(recipe.expand.k_d), "neighbour"))
    if isinstance(recipe.expand, LateDiffusionSettings):
        diffusion = OfflineDiffusion.from_bytes(_kept(gallery, DIFFUSION, DIFFUSION))
        diffusion.refuse_changed(gallery)
    if recipe.expand_by_name is not None:
        text = TextIndex.from_bytes(_kept(gallery, TEXT, TEXT))
    return Derived(diffusion, graph, text)


def _kept(gallery: Gallery, name: str, kind: str) -> bytes:
    value = gallery.artefacts.get(name)
    if value is None:
        raise CollectionError(
            f"{gallery.address}: its {kind} index is missing; run `beautylens index` again"
        )
    return value
