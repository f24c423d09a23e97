"""The query-time settings that tuning tries, and a recipe in a few words."""

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
NO_KEYPOINTS: Changes = {
    "keypoints": None,
    "vlad": None,
    "verify": None,
    "colour": None,
    "compare_text": None,
}
# Optional parts of a recipe.
PARTS = ("keypoints", "vlad", "verify", "colour", "read")
# The sections that change the judge's evidence.
EVIDENCE = ("encoders", "projection", "retrieve", "expand", "words", "expand_by_name", *PARTS)


def completed(recipe: Recipe, *, texts: bool) -> Recipe:
    """Return a recipe with all optional parts, so that one collection serves all recipes tried.

    Missing parts are taken from the default recipe, if they are valid with the rest.

    Args:
        recipe: the recipe to complete.
        texts: whether products have names, which textual refinement needs.
    """
    default = read_recipe("default")
    parts: dict[str, object] = {name: getattr(default, name) for name in PARTS}
    if texts:
        parts["expand_by_name"] = ExpandByNameSettings()
    # The judge first, because it uses all evidence.
    full = changed(recipe, {"scorer": _judge(recipe)}) or recipe
    # In the order of their dependencies: each recipe on the way must be valid.
    names: tuple[str, ...]
    for names in (("keypoints", "verify"), ("vlad",), ("colour",), ("read",), ("expand_by_name",)):
        missing = {n: parts[n] for n in names if n in parts and getattr(full, n) is None}
        full = changed(full, dict(missing)) or full
    return full


def axes(start: Recipe, full: Recipe) -> list[Axis]:
    """Return the settings to try, in order; those with the largest effect come first.

    Args:
        start: the recipe that tuning starts from.
        full: the same with all optional parts, by `completed`.
    """
    # Parts are tried with the judge, because the other scorers have fixed weights.
    judged: Changes = {"scorer": full.scorer}
    local: Changes = {**judged, "keypoints": full.keypoints}
    verify = full.verify or VerifySettings()
    verified = [
        {**local, "verify": verify.model_copy(update={"transform": name})} for name in VERIFICATIONS
    ]
    read = full.read
    codes = read and read.model_copy(update={"photo": False, "codes": True})
    hybrid = {**local, "vlad": full.vlad}
    vlad_only: Changes = {**hybrid, "verify": None, "colour": None, "compare_text": None}
    expansions = (
        None,
        start.expand,
        AlphaQuerySettings(kind="alpha_qe"),
        SuperGlobalSettings(kind="superglobal"),
        DiffusionSettings(kind="diffusion"),
    )
    return [
        [_put(NO_KEYPOINTS), _put(vlad_only), *map(_put, verified)],
        [_put({"vlad": None}), _put(hybrid)],
        [_retrieved(depth=depth) for depth in dict.fromkeys((*DEPTHS, start.retrieve.depth))],
        [_retrieved(views=views) for views in dict.fromkeys((*VIEWS, start.retrieve.views))],
        [_put({"read": None}), _put({**judged, "read": codes}), _put({**judged, "read": read})],
        [_put({"colour": None}), _put({"colour": full.colour})],
        [_put({"expand_by_name": None}), _put({"expand_by_name": full.expand_by_name})],
        [_put({"expand": expand}) for expand in expansions],
    ]


def _judge(recipe: Recipe) -> ScorerSettings:
    return recipe.scorer if recipe.has_judge else read_recipe("default").scorer


def _put(changes: Changes) -> Option:
    return lambda _: changes


def _retrieved(**settings: object) -> Option:
    return lambda recipe: {"retrieve": recipe.retrieve.model_copy(update=settings)}


def changes_evidence(one: Recipe, other: Recipe) -> bool:
    """Return whether two recipes give the judge different evidence."""
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
    """Return a recipe as one line: its descriptor, then its steps."""
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
