"""Indexing: from a catalogue table and a recipe to a collection."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from beautylens.assemble.encoders import PROJECTION, VLAD, make_encoder
from beautylens.assemble.parts import make_describer, make_extractor
from beautylens.catalogue.sources import Table, catalogue_from
from beautylens.catalogue.table import Catalogue
from beautylens.cluster.build import fill_on_cluster
from beautylens.cluster.connection import connected
from beautylens.collection import Collection, open_collection
from beautylens.errors import CollectionError, RecipeError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.local.vlad import VladEncoder
from beautylens.ingest.fill import Describer, Filled, fill
from beautylens.ingest.progress import OnProgress, silent
from beautylens.ingest.training_sample import descriptors_of, keypoints_of, sample
from beautylens.inputs.counts import none_or_at_least_one
from beautylens.recipe.recipe import Recipe, located, read_recipe
from beautylens.recipe.sections import ProjectionSettings
from beautylens.store.gallery import Gallery
from beautylens.store.orphans import sweep_orphans
from beautylens.text.product_texts import product_texts


def index(
    table: Table,
    address: str | Path,
    *,
    recipe: str | Path | Recipe = "default",
    columns: Mapping[str, str] | None = None,
    variants: str | None = None,
    workers: int | None = None,
    resume: bool = True,
    stop_on_error: bool = False,
    read: bool = True,
    ray: str | None = None,
    progress: OnProgress = silent,
) -> Collection:
    """Build a collection from a catalogue table, or resume an interrupted build.

    Pictures that cannot be read are skipped; `Collection.failures` lists them.

    Args:
        table: the path of a table, a list of dicts, a data frame or an Arrow table.
        address: of the collection, a folder or in object storage.
        recipe: the name of a shipped recipe, a TOML file, or a `Recipe`.
        columns: the table's column for a column of the catalogue, where it is not recognised:
            `{"name": "Titel"}`.
        variants: "products" or "one": whether each variant of a product is a product; by default
            as is usual in the feed.
        workers: threads on this machine, 1 or more; all cores by default.
        resume: continue if the collection exists.
        stop_on_error: raise at the first picture that cannot be read.
        read: read the text on the pictures, if the recipe compares it. A collection can be searched
            without; indexing again reads the pictures that are left.
        ray: the address of a Ray cluster, or `local`, whose workers describe the pictures.
        progress: called after every image.

    Raises:
        TableError: when the table cannot be read.
        RecipeError: when the recipe cannot be read.
        CollectionError: when the folder has a collection of another recipe or encoder.
    """
    return build(
        table,
        address,
        recipe=recipe,
        columns=columns,
        variants=variants,
        workers=workers,
        resume=resume,
        stop_on_error=stop_on_error,
        read=read,
        ray=ray,
        progress=progress,
    )[0]


def build(
    table: Table,
    address: str | Path,
    *,
    recipe: str | Path | Recipe = "default",
    columns: Mapping[str, str] | None = None,
    variants: str | None = None,
    workers: int | None = None,
    resume: bool = True,
    stop_on_error: bool = False,
    read: bool = True,
    ray: str | None = None,
    progress: OnProgress = silent,
) -> tuple[Collection, Filled]:
    """Build as `index` does, and return the result of the build with the collection.

    Args:
        table: as for `index`.
        address: as for `index`.
        recipe: as for `index`.
        columns: as for `index`.
        variants: as for `index`.
        workers: as for `index`.
        resume: as for `index`.
        stop_on_error: as for `index`.
        read: as for `index`.
        ray: as for `index`.
        progress: as for `index`.

    Raises:
        CollectionError: also when a collection exists and `resume` is off, and when the cluster
            cannot be reached or its workers fail.
        MissingExtraError: when Ray is not installed.
        ImageError: when a picture cannot be read and `stop_on_error` is set.
        QueryError: when `workers` is less than 1.
    """
    if ray is not None and stop_on_error:
        raise CollectionError(
            "a build on a cluster cannot stop at the first error: leave out --on-error stop, and "
            "see the failures with `beautylens info`"
        )
    workers = none_or_at_least_one(workers, "workers")
    catalogue = catalogue_from(table, columns=columns, variants=variants)
    wanted = recipe if isinstance(recipe, Recipe) else read_recipe(recipe)
    if not resume and Gallery.exists(address):
        raise CollectionError(f"{address} is already a collection; name a new folder, or resume")
    # Before the collection is created, in case the cluster cannot be reached.
    with nullcontext() if ray is None else connected(ray) as cluster:
        collection = _open_or_create(address, wanted, catalogue, workers, progress)
        if cluster is not None:
            filled = fill_on_cluster(collection, catalogue, cluster, progress)
    if cluster is None:
        filled = fill(
            collection.gallery,
            catalogue,
            collection.parts.make_describer(workers),
            resume=True,
            stop_on_error=stop_on_error,
            progress=progress,
        )
    collection.refresh(filled.written)
    sweep_orphans(collection.gallery.rows)
    collection.gallery.ensure_indexes()
    collection.measure_sharing()
    if read:
        collection.read_pictures(workers=workers)
    collection.gallery.write_snapshot()
    return collection, filled


def recipe_with(name: str | Path, encoder: str | None = None) -> Recipe:
    """Return a recipe, with another encoder file if one is given.

    Raises:
        RecipeError: when the recipe has several.
    """
    recipe = read_recipe(name)
    if encoder is None:
        return recipe
    if len(recipe.encoders) > 1:
        raise RecipeError(
            f"recipe '{recipe.name}' has {len(recipe.encoders)} encoders, but --encoder replaces "
            "one: write a recipe of your own with the encoders"
        )
    settings = recipe.encoders[0].model_copy(update={"file": located(encoder)})
    return recipe.model_copy(update={"encoders": (settings,)})


def _open_or_create(
    address: str | Path,
    recipe: Recipe,
    catalogue: Catalogue,
    workers: int | None,
    progress: OnProgress,
) -> Collection:
    """Return the collection at an address, created if it does not exist.

    Raises:
        CollectionError: when it has another recipe.
    """
    if not Gallery.exists(address):
        encoder, artefacts = make_encoder(recipe), {}
        # Before the collection is created, in case the recipe cannot be used.
        make_describer(recipe, encoder)
        if recipe.expand_by_name is not None:
            product_texts(catalogue.rows.slice(0, 1), recipe.expand_by_name.columns)
        if recipe.projection is not None:
            projection = _fit_projection(recipe.projection, encoder, catalogue, workers, progress)
            artefacts[PROJECTION] = projection.to_bytes()
            encoder = make_encoder(recipe, projection)
        settings: dict[str, Any] = {
            "recipe": recipe.model_dump(mode="json", exclude_none=True),
            "encoder": {
                "name": encoder.name,
                "fingerprint": encoder.fingerprint,
                "precision": encoder.precision,
            },
        }
        vlad = _fit_vlad(recipe, catalogue, workers, progress)
        if vlad is not None:
            artefacts[VLAD] = vlad.to_bytes()
            settings[VLAD] = {"fingerprint": vlad.fingerprint}
        Gallery.create(
            address,
            dimensions=encoder.dimensions,
            vlad=vlad.dimensions if vlad else 0,
            settings=settings,
            extra=catalogue.extra,
            thumbnails=recipe.colour is not None,
            words=recipe.words is not None,
            artefacts=artefacts,
        )
    return open_with_recipe(address, recipe)


def open_with_recipe(address: str | Path, recipe: Recipe) -> Collection:
    """Open a collection that was built with a recipe.

    Raises:
        CollectionError: when there is none, or it has another recipe.
    """
    collection = open_collection(address)
    if collection.recipe != recipe:
        raise CollectionError(
            f"{address} was built with recipe '{collection.recipe.name}' or other settings of it, "
            f"not with '{recipe.name}'; name another folder"
        )
    return collection


def _fit_projection(
    wanted: ProjectionSettings,
    encoder: BaseEncoder,
    catalogue: Catalogue,
    workers: int | None,
    progress: OnProgress,
) -> Whitening:
    """Fit the recipe's projection to descriptors of a sample of the catalogue."""
    chosen = sample(catalogue, wanted.sample)
    describer = Describer(encoder, keypoints=0, longest=0, workers=workers)
    rows = descriptors_of(chosen, describer, progress)
    # A centred sample spans one dimension less than it has pictures.
    dimensions = wanted.dimensions and min(wanted.dimensions, len(rows) - 1, rows.shape[1])
    return Whitening.fit(rows, dimensions, power=wanted.power, zscore=wanted.zscore)


def _fit_vlad(
    recipe: Recipe, catalogue: Catalogue, workers: int | None, progress: OnProgress
) -> VladEncoder | None:
    """Fit the recipe's VLAD to the keypoints of a sample of the catalogue."""
    wanted, kept = recipe.vlad, recipe.keypoints
    if wanted is None or kept is None:
        return None
    pictures = keypoints_of(
        sample(catalogue, wanted.sample),
        make_extractor(kept),
        progress,
        longest=kept.longest,
        limit=kept.gallery,
        workers=workers,
    )
    return VladEncoder.fit(pictures, wanted.words, wanted.dimensions)
