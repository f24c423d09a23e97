"""Recipes: what a collection is built and searched with, read from one TOML file."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from beautylens.errors import RecipeError
from beautylens.recipe.sections import (
    AugmentSettings,
    ColourSettings,
    CompareTextSettings,
    CosineSettings,
    EncoderSettings,
    EnsembleSettings,
    ExpandByNameSettings,
    ExpandSettings,
    JudgeSettings,
    KeypointSettings,
    ProjectionSettings,
    ReadSettings,
    RetrieveSettings,
    ScorerSettings,
    VerifySettings,
    VladSettings,
    WordsSettings,
)
from beautylens.recipe.settings import Settings, checked

# What sections and settings were called before, and what to write now.
RENAMED = {
    "aggregate": "is called [vlad] now",
    "rerank": "is called [verify] now, its setting `verify` is called `transform`, and its "
    'settings `order` and `weight` are now [scorer] kind = "cosine_plus_inliers" or "inliers"',
    "textual": "is called [expand_by_name] now",
    "judge": 'is [scorer] kind = "judge" now',
}


class Recipe(Settings):
    """Everything that decides what a collection holds and how it answers.

    A file has one `[encoder]`, or several as `[[encoders]]`.
    """

    name: str = "default"
    encoders: Annotated[tuple[EncoderSettings, ...], Field(min_length=1)] = (EncoderSettings(),)
    ensemble: EnsembleSettings = EnsembleSettings()
    projection: ProjectionSettings | None = None
    augment: AugmentSettings | None = None
    keypoints: KeypointSettings | None = None
    vlad: VladSettings | None = None
    retrieve: RetrieveSettings = RetrieveSettings()
    expand: Annotated[ExpandSettings, Field(discriminator="kind")] | None = None
    verify: VerifySettings | None = None
    words: WordsSettings | None = None
    expand_by_name: ExpandByNameSettings | None = None
    colour: ColourSettings | None = None
    read: ReadSettings | None = None
    compare_text: CompareTextSettings | None = None
    scorer: Annotated[ScorerSettings, Field(discriminator="kind")] = CosineSettings()

    @model_validator(mode="before")
    @classmethod
    def _name_what_was_renamed(cls, values: Any) -> Any:
        for old, now in RENAMED.items():
            if isinstance(values, dict) and old in values:
                raise RecipeError(f"[{old}] {now}")
        return values

    @model_validator(mode="before")
    @classmethod
    def _one_or_several(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "encoder" not in values:
            return values
        if "encoders" in values:
            raise RecipeError("a recipe has one [encoder], or several as [[encoders]], not both")
        return {"encoders": (values["encoder"],)} | {
            k: v for k, v in values.items() if k != "encoder"
        }

    @property
    def has_judge(self) -> bool:
        """Whether answers have probabilities and a verdict."""
        return isinstance(self.scorer, JudgeSettings)

    def model_post_init(self, _context: object) -> None:
        """Refuse parts that have nothing to work on, and settings that nothing reads."""
        self._check_keypoints()
        self._check_vlad()
        self._check_scorer()
        if self.expand is not None and (
            self.ensemble.combine == "product" or self.retrieve.distance != "cosine"
        ):
            raise RecipeError(
                "[expand] works on cosines: leave out `distance` and `combine`, or [expand]"
            )
        if self.ensemble.combine == "product" and (
            self.projection is not None or self.retrieve.distance != "cosine"
        ):
            raise RecipeError(
                "a product of cosines is taken part by part: leave out [projection] and `distance`"
            )

    def _check_keypoints(self) -> None:
        if self.colour is not None and self.verify is None:
            raise RecipeError(
                "[colour] needs [verify] to align pictures: add it, or leave [colour] out"
            )
        if self.compare_text is not None and self.verify is None:
            raise RecipeError(
                "[compare_text] needs [verify] for the position of the text: add it, or leave "
                "[compare_text] out"
            )
        if self.verify is None:
            return
        if self.keypoints is None:
            raise RecipeError("[verify] needs a [keypoints] section: add one, or leave both out")
        if self.keypoints.kind == "onnx" and self.verify.transform == "similarity":
            raise RecipeError(
                'transform = "similarity" needs sizes and angles, which keypoints of kind "onnx" '
                'do not have: set transform in [verify] to "none", "affine" or "homography"'
            )

    def _check_vlad(self) -> None:
        if self.vlad is None:
            return
        if self.keypoints is None:
            raise RecipeError("[vlad] needs a [keypoints] section: add one, or leave both out")
        if self.keypoints.kind not in {"rootsift", "sift"}:
            raise RecipeError(
                f'[vlad] adds up SIFT keypoints, not those of kind "{self.keypoints.kind}": '
                "choose another kind, or leave [vlad] out"
            )
        if self.ensemble.combine == "product" or self.retrieve.distance != "cosine":
            raise RecipeError(
                "[vlad] adds to cosines: leave out `distance` and `combine`, or [vlad]"
            )

    def _check_scorer(self) -> None:
        """Refuse evidence that the scorer does not read, and a scorer without its evidence."""
        kind = self.scorer.kind
        if self.has_judge and (
            self.ensemble.combine == "product" or self.retrieve.distance != "cosine"
        ):
            raise RecipeError(
                "the judge weighs the cosine of the descriptors: leave out `distance` and "
                "`combine`, or choose another scorer"
            )
        if self.colour is not None and not self.has_judge:
            raise RecipeError(
                f'the scorer "{kind}" reads no colours: set [scorer] kind = "judge", or leave '
                "[colour] out"
            )
        if self.compare_text is not None and not self.has_judge:
            raise RecipeError(
                f'the scorer "{kind}" reads no contradictions: set [scorer] kind = "judge", or '
                "leave [compare_text] out"
            )
        if self.verify is not None and kind == "cosine":
            raise RecipeError(
                '[verify] counts inliers, which the scorer "cosine" does not read: set [scorer] '
                'kind = "judge", "cosine_plus_inliers" or "inliers", or leave [verify] out'
            )
        if self.verify is None and kind in {"inliers", "cosine_plus_inliers"}:
            raise RecipeError(
                f'the scorer "{kind}" reads inliers, which [verify] counts: add [keypoints] and '
                "[verify], or choose another scorer"
            )


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("beautylens") / "recipe"
    return tuple(
        sorted(
            entry.name.removesuffix(".toml")
            for entry in folder.iterdir()
            if entry.name.endswith(".toml")
        )
    )


def read_recipe(name: str | Path) -> Recipe:
    """Return a recipe by the name of a shipped one or the path of a TOML file.

    Raises:
        RecipeError: when there is no such recipe, it is no TOML, or a setting is unknown or wrong.
    """
    shipped = shipped_recipes()
    path = Path(name)
    if str(name) in shipped:
        data = (resources.files("beautylens") / "recipe" / f"{name}.toml").read_bytes()
    elif path.suffix == ".toml" and path.is_file():
        data = path.read_bytes()
    else:
        raise RecipeError(
            f"there is no recipe '{name}'; name a .toml file or one of: {', '.join(shipped)}"
        )
    try:
        values = tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"recipe '{name}' is not valid TOML: {error}") from error
    recipe = checked(Recipe, {"name": path.stem, **values}, f"recipe '{name}'", RecipeError)
    encoders = tuple(
        encoder.model_copy(update={"file": located(encoder.file, path.parent)})
        for encoder in recipe.encoders
    )
    keypoints = recipe.keypoints
    if keypoints is not None and keypoints.file is not None:
        file = str((path.parent / keypoints.file).absolute())
        keypoints = keypoints.model_copy(update={"file": file})
    scorer = recipe.scorer
    if isinstance(scorer, JudgeSettings) and scorer.file != "default":
        scorer = scorer.model_copy(update={"file": str((path.parent / scorer.file).absolute())})
    return recipe.model_copy(
        update={"encoders": encoders, "keypoints": keypoints, "scorer": scorer}
    )


def located(encoder: str, folder: Path = Path()) -> str:
    """Return an encoder so that it holds from any folder: paths become absolute, names stay."""
    if encoder == "default" or (is_name(encoder) and not (folder / encoder).exists()):
        return encoder
    return str((folder / encoder).absolute())


def is_name(encoder: str) -> bool:
    """Return whether an encoder is given by its name rather than by a path."""
    return Path(encoder).name == encoder and Path(encoder).suffix != ".onnx"
