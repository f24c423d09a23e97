"""From a recipe to the parts it names: the only place where settings meet constructors."""

from __future__ import annotations

from functools import partial

from beautylens.features.encoder import Encoder
from beautylens.features.extractors import EXTRACTORS, Extractor
from beautylens.features.local import LocalFeatures
from beautylens.features.verification import VERIFICATIONS
from beautylens.search.explain import Explain
from beautylens.search.pipeline import Pipeline
from beautylens.search.refine import Refine
from beautylens.search.rerank import ORDERS, Order, Rerank
from beautylens.search.retrieve import Retrieve
from beautylens.settings import EncoderSettings, KeypointSettings, Recipe, RerankSettings
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
        extractor=make_extractor(kept) if kept else None,
        workers=workers,
    )


def make_pipeline(recipe: Recipe, gallery: Gallery, encoder: Encoder) -> Pipeline:
    """Return the search steps of a recipe over a gallery."""
    retrieve = Retrieve(gallery, encoder, depth=recipe.retrieve.depth, views=recipe.retrieve.views)
    rerank = None
    if recipe.rerank is not None and recipe.keypoints is not None:
        local = make_local_features(recipe.keypoints, recipe.rerank)
        rerank = Rerank(gallery, local, make_order(recipe.rerank))
    return Pipeline(retrieve, rerank, Refine())


def make_explain(recipe: Recipe, gallery: Gallery) -> Explain:
    """Return what draws the reasons of a match."""
    keypoints = recipe.keypoints or KeypointSettings()
    # Of the verifications, this one can draw keypoints of every kind.
    rerank = recipe.rerank or RerankSettings(verify="affine")
    return Explain(gallery, make_local_features(keypoints, rerank))


def make_extractor(settings: KeypointSettings) -> Extractor:
    """Return what takes keypoints for a recipe.

    Raises:
        EncoderError: when the extractor's file cannot be read, or holds another network.
    """
    options = {} if settings.file is None else {"file": settings.file}
    return EXTRACTORS[settings.kind](**options)


def make_local_features(keypoints: KeypointSettings, rerank: RerankSettings) -> LocalFeatures:
    """Return how a recipe takes and compares the keypoints of a photo."""
    return LocalFeatures(
        make_extractor(keypoints),
        longest=keypoints.longest,
        limit=keypoints.query,
        ratio=rerank.ratio,
        mutual=rerank.mutual,
        verification=VERIFICATIONS[rerank.verify],
    )


def make_order(settings: RerankSettings) -> Order:
    """Return how a recipe orders what has been compared."""
    return partial(ORDERS[settings.order], chance=settings.chance, weight=settings.weight)
