"""The settings that tuning tries at query time, and a recipe in a few words."""

from __future__ import annotations

from pathlib import Path

from beautylens.evaluation.tune.search import Axis, Changes, Option, changed
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    AlphaQuerySettings,
    DiffusionSettings,
    RerankSettings,
    SuperGlobalSettings,
    TextualSettings,
)

DEPTHS = (30, 100, 300)
VIEWS = ((1.0,), (1.0, 0.75), (1.0, 0.75, 0.5))
NO_PRINT: Changes = {"keypoints": None, "aggregate": None, "rerank": None, "colour": None}
# What a catalogue is described with, and its query-time parts, that a recipe may do without.
PARTS = ("keypoints", "aggregate", "rerank", "colour", "words", "judge")
# The evidence that a judgement weighs.
EVIDENCE = ("encoders", "projection", "retrieve", "expand", "textual", *PARTS)


def completed(recipe: Recipe, *, texts: bool) -> Recipe:
    """Return a recipe with every part that a query can do without, to build one collection by.

    A part that it lacks is that of the default recipe, where it goes with the rest.

    Args:
        recipe: what to complete.
        texts: whether products have names, so that the textual index has something to read.
    """
    default = read_recipe("default")
    parts: dict[str, object] = {name: getattr(default, name) for name in PARTS}
    if texts:
        parts["textual"] = TextualSettings()
    full = recipe
    # Keypoints before what needs them: each part is added to the recipe as it stands by then.
    for names in (("judge",), ("keypoints", "rerank"), ("aggregate",), ("colour",), ("words",),
                  ("textual",)):  # fmt: skip
        missing = {n: parts[n] for n in names if n in parts and getattr(full, n) is None}
        full = changed(full, missing) or full
    return full


def axes(start: Recipe, full: Recipe) -> list[Axis]:
    """Return the settings to try, one after the other: what changes most comes first.

    Args:
        start: the recipe that tuning starts from.
        full: the same, completed: with all parts that the rows can serve.
    """
    # Without a judge, more evidence would be added up by hand-set weights.
    judged: Changes = {"judge": full.judge}
    printed: Changes = {**judged, "keypoints": full.keypoints}
    rerank = full.rerank or RerankSettings()
    verified = [
        {**printed, "rerank": rerank.model_copy(update={"verify": name})} for name in VERIFICATIONS
    ]
    words = full.words
    barcode = words and words.model_copy(update={"query": False, "barcode": True})
    second = {**printed, "aggregate": full.aggregate}
    return [
        [_put(NO_PRINT), _put({**second, "rerank": None, "colour": None}), *map(_put, verified)],
        [_put({"aggregate": None}), _put(second)],
        [_retrieved(depth=depth) for depth in dict.fromkeys((*DEPTHS, start.retrieve.depth))],
        [_retrieved(views=views) for views in dict.fromkeys((*VIEWS, start.retrieve.views))],
        [_put({"words": None}), _put({**judged, "words": barcode}),
         _put({**judged, "words": words})],
        [_put({"colour": None}), _put({"colour": full.colour})],
        [_put({"textual": None}), _put({"textual": full.textual})],
        [_put({"expand": expand})
         for expand in (None, start.expand, AlphaQuerySettings(kind="alpha_qe"),
                        SuperGlobalSettings(kind="superglobal"),
                        DiffusionSettings(kind="diffusion"))],
    ]  # fmt: skip


def _put(changes: Changes) -> Option:
    return lambda _: changes


def _retrieved(**settings: object) -> Option:
    return lambda recipe: {"retrieve": recipe.retrieve.model_copy(update=settings)}


def changes_evidence(one: Recipe, other: Recipe) -> bool:
    """Tell whether what a judgement weighs is gathered differently by two recipes."""
    return any(getattr(one, name) != getattr(other, name) for name in EVIDENCE)


def described(recipe: Recipe) -> str:
    """Return the descriptor of a recipe in words: `default 288 px gem PCA-whitened`."""
    encoder = recipe.encoders[0]
    parts = [Path(encoder.file).stem if encoder.file.endswith(".onnx") else Path(encoder.file).name]
    if encoder.side is not None:
        parts.append(f"{encoder.side} px")
    if encoder.pooling is not None:
        parts.append(encoder.pooling.name)
    if recipe.projection is not None:
        parts.append("PCA-whitened" if recipe.projection.power else "projected")
    return " ".join(parts)


def in_words(recipe: Recipe) -> str:
    """Return what a recipe does in a line: its descriptor, then its steps."""
    views = len(recipe.retrieve.views)
    parts = [
        described(recipe),
        f"{views} view{'s' if views > 1 else ''}",
        f"depth {recipe.retrieve.depth}",
    ]
    if recipe.aggregate is not None:
        parts.append("second way in")
    if recipe.rerank is not None:
        verify = recipe.rerank.verify
        parts.append("ratio test" if verify == "none" else verify)
    if recipe.colour is not None:
        parts.append("colours")
    if recipe.words is not None:
        parts.append("words" if recipe.words.query else "barcode")
    if recipe.textual is not None:
        parts.append("textual")
    if recipe.expand is not None:
        parts.append(recipe.expand.kind)
    return ", ".join(parts)
