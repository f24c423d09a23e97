"""Recipes: what a collection is built and searched with, read from one TOML file."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from beautylens.errors import BeautylensError, RecipeError

Model = TypeVar("Model", bound=BaseModel)
View = Annotated[float, Field(gt=0, le=1)]
Length = Annotated[int, Field(ge=1, le=8)]
Scales = Annotated[
    tuple[Annotated[float, Field(ge=0.25, le=4)], ...], Field(min_length=1, max_length=8)
]


class Settings(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PoolingSettings(Settings):
    """How feature maps become one descriptor: a name in `features.pooling` and its options."""

    name: str = "ramac"
    options: Mapping[str, bool | int | float] = {}


class EncoderSettings(Settings):
    """Which network describes a picture; what is left out stays as the encoder file has it.

    `weight` is what its unit descriptor is multiplied by among several, or the a_i of a product;
    `source` tells where the file comes from, for whoever does not have it.
    """

    file: str = "default"
    side: Annotated[int, Field(ge=32, le=2048)] | None = None
    pooling: PoolingSettings | None = None
    scales: Scales | None = None
    weight: Annotated[float, Field(gt=0)] = 1.0
    source: str = ""


class EnsembleSettings(Settings):
    """How several descriptors become one score: joined into one, or cosines multiplied."""

    combine: Literal["concatenate", "product"] = "concatenate"


class ProjectionSettings(Settings):
    """A projection learnt at build from a sample of the catalogue's own descriptors.

    `dimensions` principal axes are kept, or as many as the sample has; left out, all channels
    stay as they are. `power` 0 is plain PCA, 1 full whitening.
    """

    zscore: bool = False
    dimensions: Annotated[int, Field(ge=1)] | None = None
    power: Annotated[float, Field(ge=0, le=1)] = 0.0
    sample: Annotated[int, Field(ge=2)] = 20_000

    def model_post_init(self, _context: object) -> None:
        """Refuse a projection that does nothing."""
        if not self.zscore and self.dimensions is None:
            raise RecipeError("[projection] needs `zscore = true`, `dimensions`, or both")


class KeypointSettings(Settings):
    """Which keypoints are kept; `longest` is in pixels of the shrunken picture.

    `kind` is a name in `features.extractors`; "onnx" reads an export of XFeat from `file`.
    """

    kind: Literal["rootsift", "sift", "orb", "onnx"] = "rootsift"
    file: str | None = None
    longest: Annotated[int, Field(ge=64, le=4095)] = 640
    gallery: Annotated[int, Field(ge=1, le=10_000)] = 500
    query: Annotated[int, Field(ge=1, le=10_000)] = 1200

    @field_validator("kind", mode="before")
    @classmethod
    def _name_a_stand_in_for_surf(cls, kind: object) -> object:
        if kind == "surf":
            raise PydanticCustomError(
                "surf",
                "there is no SURF: it is patented and left out of OpenCV; name its free stand-in, "
                '"orb", or "sift"',
            )
        return kind

    @model_validator(mode="after")
    def _need_a_file_for_onnx_alone(self) -> KeypointSettings:
        if (self.kind == "onnx") != (self.file is not None):
            raise PydanticCustomError(
                "file", 'kind = "onnx" needs a file = "...onnx", and no other kind takes one'
            )
        return self


class RetrieveSettings(Settings):
    """The first short-list: gallery images nearest to the mean descriptor of the query's views.

    A view is a centred crop that keeps this share of the photo's width and height.
    """

    depth: Annotated[int, Field(ge=1, le=10_000)] = 100
    distance: Literal["cosine", "l1", "l2"] = "cosine"
    views: Annotated[tuple[View, ...], Field(min_length=1)] = (1.0,)


class RerankSettings(Settings):
    """How matched keypoints re-order the short-list.

    `verify` is a name in `features.verification`, `order` one in `search.rerank`:
    weighed: score = cosine + weight * ln(1 + max(0, inliers - chance));
    count: score = kept matches + 1 / (2 + their mean descriptor distance).
    """

    ratio: Annotated[float, Field(gt=0, le=1)] = 0.85
    mutual: bool = True
    verify: Literal["none", "similarity", "affine", "homography"] = "similarity"
    order: Literal["weighed", "count"] = "weighed"
    chance: Annotated[int, Field(ge=0)] = 8
    weight: Annotated[float, Field(gt=0)] = 0.125

    @model_validator(mode="after")
    def _let_not_every_keypoint_match(self) -> RerankSettings:
        if self.ratio == 1 and not self.mutual:
            raise PydanticCustomError(
                "ratio", "ratio = 1 lets every keypoint match; lower it, or set mutual = true"
            )
        return self


class TextualSettings(Settings):
    """How products with a text like that of the first matches are brought in.

    The first `first` products bring in at most `listed` others each, whose texts are at least
    `minimum` alike by cosine. Terms are runs of up to `words` words and, where `characters` gives
    the shortest and longest, runs of characters inside words.
    """

    variant: Literal["slide", "program"] = "slide"
    first: Annotated[int, Field(ge=1, le=7)] = 3
    listed: Annotated[int, Field(ge=1, le=100)] = 5
    minimum: Annotated[float, Field(ge=0, le=1)] = 0.5
    columns: tuple[str, ...] = ("brand", "name")
    words: Annotated[int, Field(ge=1, le=3)] = 1
    characters: tuple[Length, Length] | None = None

    @model_validator(mode="after")
    def _shortest_first(self) -> TextualSettings:
        if self.characters is not None and self.characters[0] > self.characters[1]:
            raise PydanticCustomError("characters", "give the shorter length first, as [3, 4]")
        return self


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
    """Everything that decides what a collection holds and how it answers.

    A file has one `[encoder]`, or several as `[[encoders]]`.
    """

    name: str = "default"
    encoders: Annotated[tuple[EncoderSettings, ...], Field(min_length=1)] = (EncoderSettings(),)
    ensemble: EnsembleSettings = EnsembleSettings()
    projection: ProjectionSettings | None = None
    keypoints: KeypointSettings | None = None
    retrieve: RetrieveSettings = RetrieveSettings()
    expand: Annotated[ExpandSettings, Field(discriminator="kind")] | None = None
    rerank: RerankSettings | None = None
    textual: TextualSettings | None = None

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
        if self.ensemble.combine == "product" and (
            self.projection is not None or self.retrieve.distance != "cosine"
        ):
            raise RecipeError(
                "a product of cosines is taken part by part: leave out [projection] and `distance`"
            )

    def _check_local(self) -> None:
        if self.rerank is None:
            return
        if self.keypoints is None:
            raise RecipeError("[rerank] needs a [keypoints] section: add one, or leave both out")
        if self.keypoints.kind == "onnx" and self.rerank.verify == "similarity":
            raise RecipeError(
                'verify = "similarity" needs sizes and angles, which keypoints of kind "onnx" do '
                'not have: set verify in [rerank] to "none", "affine" or "homography"'
            )


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
    encoders = tuple(
        encoder.model_copy(update={"file": located(encoder.file, path.parent)})
        for encoder in recipe.encoders
    )
    keypoints = recipe.keypoints
    if keypoints is not None and keypoints.file is not None:
        file = str((path.parent / keypoints.file).absolute())
        keypoints = keypoints.model_copy(update={"file": file})
    return recipe.model_copy(update={"encoders": encoders, "keypoints": keypoints})


def located(encoder: str, folder: Path = Path()) -> str:
    """Return an encoder so that it holds from any folder: paths become absolute, names stay."""
    if encoder == "default" or (is_name(encoder) and not (folder / encoder).exists()):
        return encoder
    return str((folder / encoder).absolute())


def is_name(encoder: str) -> bool:
    """Tell whether an encoder is given by its name rather than by a path."""
    return Path(encoder).name == encoder and Path(encoder).suffix != ".onnx"


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
    place = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
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
