"""Parts of a search and of a build, made as a recipe asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from beautylens.assemble.scorers import make_scorer
from beautylens.errors import CollectionError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.decoded_side import decoded_side
from beautylens.features.encoder.ensemble import Ensemble
from beautylens.features.local.extractors import EXTRACTORS, Extractor
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.features.local.vlad import VladEncoder
from beautylens.ingest.derive import Derived, read_derived
from beautylens.ingest.fill import Describer
from beautylens.ingest.read_pictures import PicturesRead, read_pictures
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import (
    DiffusionSettings,
    ExpandSettings,
    KeypointSettings,
    LateDiffusionSettings,
    ReadSettings,
    VerifySettings,
)
from beautylens.search.compare import CompareColour
from beautylens.search.compare_text import CompareText
from beautylens.search.describe import Describe
from beautylens.search.distances import SIMILARITIES, Similarity, product_of
from beautylens.search.expand_by_name import REFINEMENTS, ExpandByName
from beautylens.search.expansion import EXPANSIONS, Expansion
from beautylens.search.explain import Explain
from beautylens.search.find_by_words import FindByWords
from beautylens.search.hybrid import HybridRetrieval
from beautylens.search.judge.parameters import JudgeParameters
from beautylens.search.judge.scorer import Scorer
from beautylens.search.match_code import MatchCode
from beautylens.search.outside import ScoreOutside
from beautylens.search.pipeline import Pipeline
from beautylens.search.read import ReadPack
from beautylens.search.retrieve import Retrieve
from beautylens.search.verify import Verify
from beautylens.store.gallery import Gallery
from beautylens.text.ocr import READABLE_SIDE, Reads, shared_reader


def make_similarity(recipe: Recipe, encoder: BaseEncoder) -> Similarity | None:
    """Return the similarity that re-scores the nearest by cosine; None if it is the cosine."""
    if recipe.ensemble.combine == "product" and isinstance(encoder, Ensemble):
        return product_of(encoder, [part.weight for part in recipe.encoders])
    distance = recipe.retrieve.distance
    return None if distance == "cosine" else SIMILARITIES[distance]


def make_describer(
    recipe: Recipe,
    encoder: BaseEncoder,
    vlad: VladEncoder | None = None,
    workers: int | None = None,
) -> Describer:
    """Return the describer of catalogue pictures."""
    kept = recipe.keypoints
    return Describer(
        encoder,
        keypoints=kept.gallery if kept else 0,
        longest=kept.longest if kept else 0,
        extractor=make_extractor(kept) if kept else None,
        vlad=vlad,
        thumbnails=recipe.colour is not None,
        workers=workers,
    )


def make_picture_reading(recipe: Recipe, gallery: Gallery) -> Callable[..., PicturesRead] | None:
    """Return `read_pictures` of a gallery, for the pictures whose text the recipe uses.

    None if it uses none.
    """
    listed = recipe.read.catalogue if recipe.read else "never"
    if recipe.compare_text is None and listed == "never":
        return None
    return partial(
        read_pictures,
        gallery,
        longest=recipe.keypoints.longest if recipe.keypoints else READABLE_SIDE,
        nameless=recipe.compare_text is None and listed == "nameless",
    )


def picture_side(recipe: Recipe, side: int) -> int:
    """Return the pixels that a decoded catalogue picture keeps, for an encoder's input side."""
    return decoded_side(side, recipe.keypoints.longest if recipe.keypoints else 0)


def photo_side(recipe: Recipe, side: int) -> int:
    """Return the pixels that a decoded photo keeps, for an encoder's input side."""
    return decoded_side(
        side,
        recipe.keypoints.longest if recipe.keypoints else 0,
        views=recipe.retrieve.views,
        text_side=READABLE_SIDE if recipe.read else 0,
    )


def make_pipeline(
    recipe: Recipe,
    gallery: Gallery,
    encoder: BaseEncoder,
    vlad: VladEncoder | None = None,
    parameters: JudgeParameters | None = None,
    *,
    reader: Callable[[], Reads] = shared_reader,
    extractor: Extractor | None = None,
) -> Pipeline:
    """Return the search steps of a recipe over a gallery.

    Args:
        recipe: names the steps.
        gallery: the images to search.
        encoder: the one that the gallery was built with.
        vlad: the one that the gallery was built with, if any.
        parameters: of the judge, in place of those of the gallery or recipe.
        reader: returns the OCR of photos.
        extractor: of the photos' keypoints, in place of the recipe's.

    Raises:
        CollectionError: when an artefact is missing.
    """
    derived, scorer = read_derived(recipe, gallery), make_scorer(recipe, gallery, parameters)
    similarity = make_similarity(recipe, encoder)
    local = None
    if recipe.keypoints is not None and (recipe.verify is not None or vlad is not None):
        local = make_local_features(recipe.keypoints, recipe.verify or VerifySettings())
        if extractor is not None:
            local = replace(local, extractor=extractor)
    verify = make_verify(recipe, gallery, local) if local else None
    outside = ScoreOutside(gallery, similarity=similarity, verify=verify)
    by_name = None
    if recipe.expand_by_name is not None and derived.text is not None:
        by_name = ExpandByName(
            outside,
            derived.text,
            scorer.rank,
            refine=REFINEMENTS[recipe.expand_by_name.variant],
            first=recipe.expand_by_name.first,
            listed=recipe.expand_by_name.listed,
            minimum=recipe.expand_by_name.minimum,
        )
    return Pipeline(
        make_describe(recipe, encoder, local, vlad, reader),
        scorer,
        retrieve=Retrieve(
            gallery,
            depth=recipe.retrieve.depth,
            similarity=similarity,
            hybrid=HybridRetrieval(gallery) if vlad is not None else None,
        ),
        expand=make_expansion(recipe.expand, gallery, derived) if recipe.expand else None,
        match_code=MatchCode(gallery) if recipe.read and recipe.read.codes else None,
        verify=verify,
        find_by_words=FindByWords(
            gallery.words,
            outside,
            products=recipe.words.products,
            photo=recipe.read is not None and recipe.read.photo,
            decided=scorer.decided,
        )
        if recipe.words
        else None,
        expand_by_name=by_name,
        compare=CompareColour(gallery, local, recipe.colour.most)
        if recipe.colour and local
        else None,
        read=make_read(recipe.read, gallery, scorer),
        compare_text=CompareText(gallery, local.longest, recipe.compare_text.most, scorer)
        if recipe.compare_text and local
        else None,
    )


def make_verify(recipe: Recipe, gallery: Gallery, local: LocalFeatures) -> Verify | None:
    """Return the step that counts inliers; None if the recipe counts none.

    Inliers by chance count for the scorer of the source papers alone, as do unverified matches.
    """
    if recipe.verify is None:
        return None
    above_chance = recipe.verify.transform != "none" and recipe.scorer.kind != "inliers"
    return Verify(gallery, local, likely=above_chance)


def make_describe(
    recipe: Recipe,
    encoder: BaseEncoder,
    local: LocalFeatures | None,
    vlad: VladEncoder | None,
    reader: Callable[[], Reads],
) -> Describe:
    """Return the step from a photo to a query."""
    return Describe(
        encoder,
        recipe.retrieve.views,
        salient=recipe.retrieve.salient,
        local=local,
        vlad=vlad,
        vlad_limit=recipe.keypoints.gallery if recipe.keypoints else 0,
        reader=reader,
    )


def make_read(settings: ReadSettings | None, gallery: Gallery, scorer: Scorer) -> ReadPack:
    """Return the step that reads the photo if the scorer is undecided, and matches typed words."""
    if settings is None or not settings.photo:
        return ReadPack(photo=False)
    return ReadPack(
        None if settings.catalogue == "never" else gallery.picture_text,
        nameless=settings.catalogue == "nameless",
        decided=scorer.decided,
    )


def make_expansion(
    settings: ExpandSettings, gallery: Gallery, derived: Derived | None = None
) -> Expansion:
    """Return the expansion that a recipe names.

    Args:
        settings: of the recipe.
        gallery: the images to search.
        derived: the artefacts computed over it; diffusion needs one.

    Raises:
        CollectionError: when that is missing.
    """
    options = settings.model_dump(exclude={"kind"})
    if isinstance(settings, DiffusionSettings):
        options["graph"] = derived and derived.graph
        del options["k_d"]
    if isinstance(settings, LateDiffusionSettings):
        offline = derived and derived.diffusion
        options = {"offline": offline, "k_q": settings.k_q, "gamma_q": settings.gamma_q}
    if any(part is None for part in options.values()):
        raise CollectionError(
            f"{gallery.address}: its diffusion is missing; run `beautylens index` again"
        )
    return EXPANSIONS[settings.kind](gallery, **options)


def make_explain(recipe: Recipe, gallery: Gallery) -> Explain:
    """Return what draws the reasons for matches."""
    keypoints = recipe.keypoints or KeypointSettings()
    # The transform that can be estimated from keypoints of every kind.
    verify = recipe.verify or VerifySettings(transform="affine")
    return Explain(gallery, make_local_features(keypoints, verify))


def make_extractor(settings: KeypointSettings) -> Extractor:
    """Return the keypoint extractor of a recipe.

    Raises:
        EncoderError: when the extractor's file cannot be read, or holds another network.
    """
    options = {} if settings.file is None else {"file": settings.file}
    return EXTRACTORS[settings.kind](**options)


def make_local_features(keypoints: KeypointSettings, verify: VerifySettings) -> LocalFeatures:
    """Return the extraction, matching and verification of keypoints."""
    return LocalFeatures(
        make_extractor(keypoints),
        longest=keypoints.longest,
        limit=keypoints.query,
        ratio=verify.ratio,
        mutual=verify.mutual,
        verification=VERIFICATIONS[verify.transform],
    )
