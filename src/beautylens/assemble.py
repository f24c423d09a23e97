"""From a recipe to the parts it names: the only place where settings meet constructors."""

from __future__ import annotations

from beautylens.errors import CollectionError
from beautylens.features.encoder import Encoder
from beautylens.search.expand import EXPANSIONS, Expansion
from beautylens.search.explain import Explain
from beautylens.search.late import OfflineDiffusion
from beautylens.search.pipeline import Pipeline
from beautylens.search.refine import Refine
from beautylens.search.rerank import Rerank
from beautylens.search.retrieve import Retrieve
from beautylens.settings import (
    EncoderSettings,
    ExpandSettings,
    KeypointSettings,
    LateDiffusionSettings,
    Recipe,
    RerankSettings,
)
from beautylens.store.build import Describer
from beautylens.store.gallery import Gallery


def make_encoder(settings: EncoderSettings) -> Encoder:
    """Return the encoder that a recipe names."""
    return Encoder.load(settings.file, side=settings.side, pooling=settings.pooling)


def make_describer(recipe: Recipe, encoder: Encoder, workers: int | None = None) -> Describer:
    """Return what describes catalogue pictures for this recipe."""
    kept = recipe.keypoints
    return Describer(
        encoder,
        keypoints=kept.gallery if kept else 0,
        longest=kept.longest if kept else 0,
        workers=workers,
    )


def make_pipeline(
    recipe: Recipe, gallery: Gallery, encoder: Encoder, offline: OfflineDiffusion | None = None
) -> Pipeline:
    """Return the search steps of a recipe over a gallery.

    Raises:
        CollectionError: when the recipe diffuses late and there is no offline part.
    """
    expand = make_expansion(recipe.expand, gallery, offline) if recipe.expand else None
    retrieve = Retrieve(gallery, encoder, depth=recipe.retrieve.depth, views=recipe.retrieve.views)
    rerank = None
    if recipe.rerank is not None and recipe.keypoints is not None:
        rerank = Rerank(
            gallery,
            longest=recipe.keypoints.longest,
            limit=recipe.keypoints.query,
            ratio=recipe.rerank.ratio,
            chance=recipe.rerank.chance,
            weight=recipe.rerank.weight,
        )
    return Pipeline(retrieve, expand, rerank, Refine())


def make_expansion(
    settings: ExpandSettings, gallery: Gallery, offline: OfflineDiffusion | None = None
) -> Expansion:
    """Return the expansion that a recipe names.

    Raises:
        CollectionError: when it needs an offline part and there is none.
    """
    options = settings.model_dump(exclude={"kind"})
    if isinstance(settings, LateDiffusionSettings):
        if offline is None:
            raise CollectionError(
                f"{gallery.address}: its diffusion has not been made; run `beautylens index` again"
            )
        options = {"offline": offline, "k_q": settings.k_q, "gamma_q": settings.gamma_q}
    return EXPANSIONS[settings.kind](gallery, **options)


def make_explain(recipe: Recipe, gallery: Gallery) -> Explain:
    """Return what draws the reasons of a match."""
    keypoints = recipe.keypoints or KeypointSettings()
    rerank = recipe.rerank or RerankSettings()
    return Explain(gallery, longest=keypoints.longest, limit=keypoints.query, ratio=rerank.ratio)
