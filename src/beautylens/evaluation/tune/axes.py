"""The settings that tuning tries at query time, and a recipe in a few words."""

from __future__ import annotations

from pathlib import Path

from beautylens.evaluation.tune.search import Axis, Changes, Option, changed
from beautylens.features.local.verification import VERIFICATIONS
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.recipe.sections import (
    AlphaQuerySettings,
    DiffusionSettings,
    ExpandByNameSettings,
    ScorerSettings,
    SuperGlobalSettings,
    VerifySettings,
)

DEPTHS = (30, 100, 300)
VIEWS = ((1.0,), (1.0, 0.75), (1.0, 0.75, 0.5))
NO_KEYPOINTS: Changes = {"keypoints": None, "vlad": None, "verify": None, "colour": None}
# What a catalogue is described with, and its query-time parts, that a recipe may do without.
PARTS = ("keypoints", "vlad", "verify", "colour", "read")
# What the evidence that a judge weighs depends on.
EVIDENCE = ("encoders", "projection", "retrieve", "expand", "expand_by_name", *PARTS)


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
        parts["expand_by_name"] = ExpandByNameSettings()
    # First the scorer, which reads all evidence.
    full = changed(recipe, {"scorer": _judge(recipe)}) or recipe
    # Keypoints before what needs them: each part is added to the recipe as it stands by then.
    names: tuple[str, ...]
    for names in (("keypoints", "verify"), ("vlad",), ("colour",), ("read",), ("expand_by_name",)):
        missing = {n: parts[n] for n in names if n in parts and getattr(full, n) is None}
        full = changed(full, dict(missing)) or full
    return full


def axes(start: Recipe, full: Recipe) -> list[Axis]:
    """Return the settings to try, one after the other: what changes most comes first.

    Args:
        start: the recipe that tuning starts from.
        full: the same, completed: with all parts that the rows can serve.
    """
    # Without a judge, more evidence would be added up by hand-set weights.
    judged: Changes = {"scorer": full.scorer}
    local: Changes = {**judged, "keypoints": full.keypoints}
    verify = full.verify or VerifySettings()
    verified = [
        {**local, "verify": verify.model_copy(update={"transform": name})} for name in VERIFICATIONS
    ]
    read = full.read
    codes = read and read.model_copy(update={"photo": False, "codes": True})
    hybrid = {**local, "vlad": full.vlad}
    return [
        [_put(NO_KEYPOINTS), _put({**hybrid, "verify": None, "colour": None}),
         *map(_put, verified)],
        [_put({"vlad": None}), _put(hybrid)],
        [_retrieved(depth=depth) for depth in dict.fromkeys((*DEPTHS, start.retrieve.depth))],
        [_retrieved(views=views) for views in dict.fromkeys((*VIEWS, start.retrieve.views))],
        [_put({"read": None}), _put({**judged, "read": codes}),
         _put({**judged, "read": read})],
        [_put({"colour": None}), _put({"colour": full.colour})],
        [_put({"expand_by_name": None}), _put({"expand_by_name": full.expand_by_name})],
        [_put({"expand": expand})
         for expand in (None, start.expand, AlphaQuerySettings(kind="alpha_qe"),
                        SuperGlobalSettings(kind="superglobal"),
                        DiffusionSettings(kind="diffusion"))],
    ]  # fmt: skip


def _judge(recipe: Recipe) -> ScorerSettings:
    return recipe.scorer if recipe.has_judge else read_recipe("default").scorer


def _put(changes: Changes) -> Option:
    return lambda _: changes


def _retrieved(**settings: object) -> Option:
    return lambda recipe: {"retrieve": recipe.retrieve.model_copy(update=settings)}


def changes_evidence(one: Recipe, other: Recipe) -> bool:
    """Tell whether what a judge weighs is gathered differently by two recipes."""
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
    if recipe.vlad is not None:
        parts.append("VLAD")
    if recipe.verify is not None:
        transform = recipe.verify.transform
        parts.append("ratio test" if transform == "none" else transform)
    if recipe.colour is not None:
        parts.append("colours")
    if recipe.read is not None:
        parts.append("words" if recipe.read.photo else "barcode")
    if recipe.expand_by_name is not None:
        parts.append("names")
    if recipe.expand is not None:
        parts.append(recipe.expand.kind)
    return ", ".join(parts)
