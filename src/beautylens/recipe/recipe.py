"""Recipes: what a collection is built and searched with, read from one TOML file."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from beautylens.errors import RecipeError
from beautylens.recipe.sections import (
    AggregateSettings,
    AugmentSettings,
    ColourSettings,
    EncoderSettings,
    EnsembleSettings,
    ExpandSettings,
    JudgeSettings,
    KeypointSettings,
    ProjectionSettings,
    RerankSettings,
    RetrieveSettings,
    TextualSettings,
    WordsSettings,
)
from beautylens.recipe.settings import Settings, checked


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
    aggregate: AggregateSettings | None = None
    retrieve: RetrieveSettings = RetrieveSettings()
    expand: Annotated[ExpandSettings, Field(discriminator="kind")] | None = None
    rerank: RerankSettings | None = None
    colour: ColourSettings | None = None
    textual: TextualSettings | None = None
    judge: JudgeSettings | None = None
    words: WordsSettings | None = None

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

    def model_post_init(self, _context: object) -> None:
        """Refuse parts that would have nothing to work on."""
        self._check_local()
        self._check_aggregate()
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

    def _check_local(self) -> None:
        if self.colour is not None and (self.rerank is None or self.judge is None):
            raise RecipeError(
                "[colour] needs [rerank] to place pictures and [judge] to weigh what it finds: add "
                "them, or leave [colour] out"
            )
        if self.rerank is None:
            return
        if self.keypoints is None:
            raise RecipeError("[rerank] needs a [keypoints] section: add one, or leave both out")
        if self.keypoints.kind == "onnx" and self.rerank.verify == "similarity":
            raise RecipeError(
                'verify = "similarity" needs sizes and angles, which keypoints of kind "onnx" do '
                'not have: set verify in [rerank] to "none", "affine" or "homography"'
            )

    def _check_aggregate(self) -> None:
        if self.aggregate is None:
            return
        if self.keypoints is None:
            raise RecipeError("[aggregate] needs a [keypoints] section: add one, or leave both out")
        if self.keypoints.kind not in {"rootsift", "sift"}:
            raise RecipeError(
                f'[aggregate] adds up SIFT keypoints, not those of kind "{self.keypoints.kind}": '
                "choose another kind, or leave [aggregate] out"
            )
        if self.ensemble.combine == "product" or self.retrieve.distance != "cosine":
            raise RecipeError(
                "[aggregate] adds to cosines: leave out `distance` and `combine`, or [aggregate]"
            )


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("beautylens") / "recipe"
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir()
                        if entry.name.endswith(".toml")))  # fmt: skip


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
    judge = recipe.judge
    if judge is not None and judge.file != "default":
        judge = JudgeSettings(file=str((path.parent / judge.file).absolute()))
    return recipe.model_copy(update={"encoders": encoders, "keypoints": keypoints, "judge": judge})


def located(encoder: str, folder: Path = Path()) -> str:
    """Return an encoder so that it holds from any folder: paths become absolute, names stay."""
    if encoder == "default" or (is_name(encoder) and not (folder / encoder).exists()):
        return encoder
    return str((folder / encoder).absolute())


def is_name(encoder: str) -> bool:
    """Tell whether an encoder is given by its name rather than by a path."""
    return Path(encoder).name == encoder and Path(encoder).suffix != ".onnx"
