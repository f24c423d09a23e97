"""From a recipe to the parts it names: the only place where settings meet constructors."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from beautylens.errors import CollectionError, EncoderError
from beautylens.features.encoder.base_encoder import Describing
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.ensemble import Ensemble, Part
from beautylens.features.encoder.openvino import Precision
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.local.extractors import EXTRACTORS, Extractor
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.features.local.vlad import Aggregate
from beautylens.ingest.derive import read_derived
from beautylens.ingest.fill import Describer
from beautylens.ingest.offline_diffusion import OfflineDiffusion
from beautylens.recipe.recipe import Recipe, is_name
from beautylens.recipe.sections import (
    ExpandSettings,
    JudgeSettings,
    KeypointSettings,
    LateDiffusionSettings,
    RerankSettings,
    TextualSettings,
    WordsSettings,
)
from beautylens.search.compare import Compare
from beautylens.search.distances import SIMILARITIES, Similarity, product_of
from beautylens.search.expand_by_name import Textual
from beautylens.search.expansion import EXPANSIONS, Expansion
from beautylens.search.explain import Explain
from beautylens.search.hybrid import SecondWay
from beautylens.search.judge.judge import Judge
from beautylens.search.judge.parameters import JUDGEMENT, Judgement, read_judgement
from beautylens.search.match_code import Scan
from beautylens.search.pipeline import Pipeline
from beautylens.search.read import CatalogueReader, Read
from beautylens.search.retrieve import Retrieve
from beautylens.search.verify import ORDERS, Order, Rerank
from beautylens.store.gallery import Gallery
from beautylens.text.ocr import Reads, shared_reader
from beautylens.text.text_index import TextIndex

_EXPORT = "`beautylens encoder export --backbone {}` makes it"


def make_encoder(
    recipe: Recipe, projection: Whitening | None = None, precision: Precision | None = None
) -> Describing:
    """Return the encoder that a recipe names, or its several as one.

    Args:
        recipe: names the encoders.
        projection: what the collection learnt at build, if the recipe asks for it.
        precision: of the networks; by default what the processor is best at.

    Raises:
        EncoderError: when encoder files are missing; it names all of them and their sources.
    """
    encoders = _load_all(recipe, precision)
    if len(encoders) == 1 and recipe.projection is None:
        return encoders[0]
    # The dot product of joined descriptors then is the sum of a_i cos_i that a product starts as.
    root = recipe.ensemble.combine == "product"
    weights = [math.sqrt(part.weight) if root else part.weight for part in recipe.encoders]
    return Ensemble([Part(e, w) for e, w in zip(encoders, weights, strict=True)], projection)


def _load_all(recipe: Recipe, precision: Precision | None) -> list[Encoder]:
    missing = dict.fromkeys(
        f"'{part.file}' ({part.source or _EXPORT.format(part.file)})"
        for part in recipe.encoders
        if is_name(part.file) and not Encoder.exists(part.file)
    )
    if missing:
        raise EncoderError(
            f"recipe '{recipe.name}' needs encoders that are not here: {'; '.join(missing)}"
        )
    return [
        Encoder.load(
            part.file,
            side=part.side,
            pooling=part.pooling,
            scales=part.scales,
            precision=precision,
        )
        for part in recipe.encoders
    ]


def make_similarity(recipe: Recipe, encoder: Describing) -> Similarity | None:
    """Return what re-scores the nearest by cosine; None where the cosine is the score."""
    if recipe.ensemble.combine == "product" and isinstance(encoder, Ensemble):
        return product_of(encoder, [part.weight for part in recipe.encoders])
    distance = recipe.retrieve.distance
    return None if distance == "cosine" else SIMILARITIES[distance]


def make_describer(
    recipe: Recipe,
    encoder: Describing,
    aggregate: Aggregate | None = None,
    workers: int | None = None,
) -> Describer:
    """Return what describes catalogue pictures for this recipe."""
    kept = recipe.keypoints
    return Describer(
        encoder,
        keypoints=kept.gallery if kept else 0,
        longest=kept.longest if kept else 0,
        extractor=make_extractor(kept) if kept else None,
        aggregate=aggregate,
        thumbnails=recipe.colour is not None,
        read=make_catalogue_reader(recipe.words) if recipe.words else None,
        workers=workers,
    )


def make_catalogue_reader(settings: WordsSettings) -> CatalogueReader | None:
    """Return what reads catalogue pictures at index time, where a recipe asks for it."""
    if settings.catalogue == "never":
        return None
    return CatalogueReader(shared_reader, nameless=settings.catalogue == "nameless")


def make_pipeline(
    recipe: Recipe,
    gallery: Gallery,
    encoder: Describing,
    aggregate: Aggregate | None = None,
    judgement: Judgement | None = None,
    reader: Callable[[], Reads] = shared_reader,
) -> Pipeline:
    """Return the search steps of a recipe over a gallery.

    Args:
        recipe: names the steps.
        gallery: where to search.
        encoder: the one that the gallery was built with.
        aggregate: what its keypoints were aggregated with, if they were.
        judgement: in place of that of the gallery or recipe, where the recipe has a judge.
        reader: returns what reads the print on photos.

    Raises:
        CollectionError: when something that they read has not been derived.
    """
    derived = read_derived(recipe, gallery)
    local, second, rerank, compare = None, None, None, None
    if recipe.keypoints is not None:
        local = make_local_features(recipe.keypoints, recipe.rerank or RerankSettings())
        if aggregate is not None:
            second = SecondWay(gallery, local, aggregate, limit=recipe.keypoints.gallery)
    similarity = make_similarity(recipe, encoder)
    retrieve = Retrieve(
        gallery,
        encoder,
        depth=recipe.retrieve.depth,
        views=recipe.retrieve.views,
        salient=recipe.retrieve.salient,
        similarity=similarity,
        second=second,
    )
    if recipe.rerank is not None and local is not None:
        rerank = Rerank(gallery, local, make_order(recipe.rerank))
        if recipe.colour is not None:
            compare = Compare(gallery, local, recipe.colour.most)
    textual = None
    if recipe.textual is not None and derived.text is not None:
        textual = make_textual(recipe.textual, gallery, derived.text, similarity, rerank)
    words = recipe.words
    judge = Judge(judgement or make_judgement(recipe.judge, gallery)) if recipe.judge else None
    return Pipeline(
        retrieve,
        make_expansion(recipe.expand, gallery, derived.diffusion) if recipe.expand else None,
        Scan(gallery) if words is not None and words.barcode else None,
        rerank,
        textual,
        make_read(words, gallery, judge, reader),
        compare,
        judge,
    )


def make_judgement(settings: JudgeSettings, gallery: Gallery) -> Judgement:
    """Return what the collection has learnt of its own photos, else what its recipe names."""
    learnt = gallery.learnt(JUDGEMENT)
    if learnt is not None:
        return Judgement.from_bytes(learnt, f"the judgement kept in {gallery.address}")
    return read_judgement(settings.file)


def make_read(
    settings: WordsSettings | None,
    gallery: Gallery,
    judge: Judge | None,
    reader: Callable[[], Reads] = shared_reader,
) -> Read:
    """Return what reads the pack where the judge is in doubt, and weighs what the user typed."""
    if settings is None or not settings.query:
        return Read()
    return Read(
        reader,
        gallery=None if settings.catalogue == "never" else gallery,
        decided=judge.decided if judge is not None else None,
    )


def make_textual(
    settings: TextualSettings,
    gallery: Gallery,
    index: TextIndex,
    similarity: Similarity | None = None,
    rerank: Rerank | None = None,
) -> Textual:
    """Return the textual refinement that a recipe asks for."""
    return Textual(
        gallery,
        index,
        variant=settings.variant,
        first=settings.first,
        listed=settings.listed,
        minimum=settings.minimum,
        similarity=similarity,
        rerank=rerank,
    )


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
