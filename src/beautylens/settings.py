"""Recipes: what a collection is built and searched with, read from one TOML file."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from beautylens.errors import BeautylensError, RecipeError

Model = TypeVar("Model", bound=BaseModel)
View = Annotated[float, Field(gt=0, le=1)]


class Settings(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolingSettings(Settings):
    """How feature maps become one descriptor: a name in `features.pooling` and its options."""

    name: str = "ramac"
    options: Mapping[str, int | float] = {}


class EncoderSettings(Settings):
    """Which network describes a picture; what is left out stays as the encoder file has it."""

    file: str = "default"
    side: Annotated[int, Field(ge=32, le=2048)] | None = None
    pooling: PoolingSettings | None = None


class KeypointSettings(Settings):
    """Which SIFT keypoints are kept; `longest` is in pixels of the shrunken picture."""

    longest: Annotated[int, Field(ge=64, le=4095)] = 640
    gallery: Annotated[int, Field(ge=1, le=10_000)] = 500
    query: Annotated[int, Field(ge=1, le=10_000)] = 1200


class RetrieveSettings(Settings):
    """The first short-list: gallery images nearest to the mean descriptor of the query's views.

    A view is a centred crop that keeps this share of the photo's width and height.
    """

    depth: Annotated[int, Field(ge=1, le=10_000)] = 100
    views: Annotated[tuple[View, ...], Field(min_length=1)] = (1.0,)


class RerankSettings(Settings):
    """How matched keypoints re-order the short-list.

    score = cosine + weight * ln(1 + max(0, inliers - chance))
    """

    ratio: Annotated[float, Field(gt=0, le=1)] = 0.85
    chance: Annotated[int, Field(ge=0)] = 8
    weight: Annotated[float, Field(gt=0)] = 0.125


class AlphaQuerySettings(Settings):
    """Another search with the query blended with its `n` nearest, weighing similarity^alpha."""

    kind: Literal["alpha_qe"]
    n: Annotated[int, Field(ge=0, le=100)] = 3
    alpha: Annotated[float, Field(ge=0)] = 3.0


class _GraphSettings(Settings):
    """How images are joined for diffusion: docs/method.md, section 3."""

    k_d: Annotated[int, Field(ge=1, le=1000)] = 50
    gamma: Annotated[float, Field(gt=0)] = 3.0
    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.99
    k_q: Annotated[int, Field(ge=1, le=1000)] = 10
    gamma_q: Annotated[float, Field(ge=0)] = 3.0


class DiffusionSettings(_GraphSettings):
    """Diffusion over the `depth` images nearest to the query."""

    kind: Literal["diffusion"]
    depth: Annotated[int, Field(ge=1, le=10_000)] = 400


class LateDiffusionSettings(_GraphSettings):
    """Diffusion made when a collection is indexed, over the `truncation` nearest of each image."""

    kind: Literal["late_diffusion"]
    truncation: Annotated[int, Field(ge=1, le=10_000)] = 1024


class SuperGlobalSettings(Settings):
    """Descriptors refined among the `depth` images nearest to the query."""

    kind: Literal["superglobal"]
    depth: Annotated[int, Field(ge=1, le=10_000)] = 400


ExpandSettings = (
    AlphaQuerySettings | DiffusionSettings | LateDiffusionSettings | SuperGlobalSettings
)


class Recipe(Settings):
    """Everything that decides what a collection holds and how it answers."""

    name: str = "default"
    encoder: EncoderSettings = EncoderSettings()
    keypoints: KeypointSettings | None = None
    retrieve: RetrieveSettings = RetrieveSettings()
    expand: Annotated[ExpandSettings, Field(discriminator="kind")] | None = None
    rerank: RerankSettings | None = None

    def model_post_init(self, _context: object) -> None:
        """Refuse a re-ranking that would have nothing to match."""
        if self.rerank is not None and self.keypoints is None:
            raise RecipeError("[rerank] needs a [keypoints] section: add one, or leave both out")


def shipped_recipes() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("beautylens") / "recipes"
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
        data = (resources.files("beautylens") / "recipes" / f"{name}.toml").read_bytes()
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
    file = located(recipe.encoder.file, path.parent)
    return recipe.model_copy(update={"encoder": recipe.encoder.model_copy(update={"file": file})})


def located(encoder: str, folder: Path = Path()) -> str:
    """Return an encoder's name so that it holds from any folder: paths become absolute."""
    return encoder if encoder == "default" else str((folder / encoder).absolute())


def checked(
    model: type[Model], values: Mapping[str, Any], where: str, error: type[BeautylensError]
) -> Model:
    """Return the values as a model, or raise one sentence that names the setting at fault."""
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        # A setting of [expand] is located through its kind, which its user did not write there.
        fault = re.sub(r"\bexpand\.\w+\.", "expand.", _first_fault(model, failure))
        raise error(f"{where}: {fault}") from failure


def _first_fault(model: type[BaseModel], failure: ValidationError) -> str:
    fault = failure.errors(include_url=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"].startswith("union_tag"):
        kinds = (n.split(".")[1] for n in _known_names(model) if n.endswith(".kind"))
        return f"'{place}.kind': should be one of {', '.join(kinds)}"
    if fault["type"] != "extra_forbidden":
        return f"'{place}': {fault['msg'][0].lower()}{fault['msg'][1:]}"
    known = _known_names(model)
    near = difflib.get_close_matches(place, known, n=1) or difflib.get_close_matches(
        str(fault["loc"][-1]), known, n=1
    )
    hint = f"did you mean '{near[0]}'?" if near else f"known settings: {', '.join(known)}"
    return f"there is no setting '{place}'; {hint}"


def _known_names(model: type[BaseModel], prefix: str = "") -> list[str]:
    names: list[str] = []
    for name, field in model.model_fields.items():
        names.append(prefix + name)
        for kind in _models(field.annotation):
            names += _known_names(kind, f"{prefix}{name}.{_tag(kind)}")
    return names


def _tag(model: type[BaseModel]) -> str:
    """Return by what pydantic locates one kind of a section: "alpha_qe."; nothing for others."""
    kind = model.model_fields.get("kind")
    return f"{get_args(kind.annotation)[0]}." if kind else ""


def _models(annotation: object) -> list[type[BaseModel]]:
    """Return the models that an annotation is made of, in whatever unions."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
