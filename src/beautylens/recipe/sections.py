"""The sections of a recipe: one frozen group of settings for each part of a search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from beautylens.errors import RecipeError
from beautylens.recipe.settings import PoolingSettings, Scales, Settings

View = Annotated[float, Field(gt=0, le=1)]
Length = Annotated[int, Field(ge=1, le=8)]


class EncoderSettings(Settings):
    """Which network describes a picture; what is left out stays as the encoder file has it.

    `weight` is what its unit descriptor is multiplied by among several, or the a_i of a product;
    `source` tells where the file comes from, for whoever does not have it.
    """

    file: str = "default"
    side: Annotated[int, Field(ge=32, le=2048)] | None = None
    pooling: PoolingSettings | None = None
    scales: Scales | None = None
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
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

    `kind` is a name in `features.local.extractors`; "onnx" reads an export of XFeat from `file`.
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


class VladSettings(Settings):
    """All keypoints of a picture as one vector, by which it is found beside its descriptor (VLAD).

    A vocabulary of `words` and the principal axes that are kept, at most `dimensions`, are learnt
    at build from `sample` pictures of the catalogue, and serve for later additions too.
    """

    words: Annotated[int, Field(ge=2, le=4096)] = 256
    dimensions: Annotated[int, Field(ge=1, le=4096)] = 512
    sample: Annotated[int, Field(ge=2, le=20_000)] = 4_000


class RetrieveSettings(Settings):
    """The first short-list: gallery images nearest to the mean descriptor of the query's views.

    A view is a centred crop that keeps this share of the photo's width and height. With `salient`
    everything but the photo's salient item is painted white first. `vectors` names a Milvus cluster
    that finds the nearest, `milvus+http://host:19530/NAME`.
    """

    depth: Annotated[int, Field(ge=1, le=10_000)] = 100
    distance: Literal["cosine", "l1", "l2"] = "cosine"
    views: Annotated[tuple[View, ...], Field(min_length=1)] = (1.0,)
    salient: bool = False
    vectors: str = ""


class VerifySettings(Settings):
    """How keypoints of the photo and of each candidate are matched and verified.

    `ratio` is Lowe's; with `mutual` only keypoints that are each other's nearest match. The matches
    that one `transform` explains are inliers; "none" counts all of them.
    """

    ratio: Annotated[float, Field(gt=0, le=1)] = 0.85
    mutual: bool = True
    transform: Literal["none", "similarity", "affine", "homography"] = "similarity"

    @model_validator(mode="after")
    def _let_not_every_keypoint_match(self) -> VerifySettings:
        if self.ratio == 1 and not self.mutual:
            raise PydanticCustomError(
                "ratio", "ratio = 1 lets every keypoint match; lower it, or set mutual = true"
            )
        return self


class ColourSettings(Settings):
    """Colours of at most `most` pictures that geometry cannot tell apart, against the photo's.

    With this section a small copy of each catalogue picture is kept.
    """

    most: Annotated[int, Field(ge=2, le=64)] = 8


class ExpandByNameSettings(Settings):
    """How products with a text like that of the first matches are brought in.

    `variant` is how the first places are ranked anew, "slide" by default; the judge takes none.
    The first `first` products bring in at most `listed` others each, whose texts are at least
    `minimum` alike by cosine. Terms are runs of up to `words` words and, where `characters` gives
    the shortest and longest, runs of characters inside words.
    """

    variant: Literal["slide", "program"] | None = None
    first: Annotated[int, Field(ge=1, le=7)] = 3
    listed: Annotated[int, Field(ge=1, le=100)] = 5
    minimum: Annotated[float, Field(ge=0, le=1)] = 0.5
    columns: tuple[str, ...] = ("brand", "name")
    words: Annotated[int, Field(ge=1, le=3)] = 1
    characters: tuple[Length, Length] | None = None

    @model_validator(mode="after")
    def _shortest_first(self) -> ExpandByNameSettings:
        if self.characters is not None and self.characters[0] > self.characters[1]:
            raise PydanticCustomError("characters", "give the shorter length first, as [3, 4]")
        return self


class CosineSettings(Settings):
    """Ranks by the similarity of descriptors alone."""

    kind: Literal["cosine"] = "cosine"


class InliersSettings(Settings):
    """Ranks by the number of inliers, then by their mean descriptor distance (Tang et al.)."""

    kind: Literal["inliers"]


class CosinePlusInliersSettings(Settings):
    """Ranks by cosine + `weight` * ln(1 + inliers above what pictures share by chance)."""

    kind: Literal["cosine_plus_inliers"]
    weight: Annotated[float, Field(gt=0, le=1e6)] = 0.125


class JudgeSettings(Settings):
    """Ranks by all evidence, and gives each product a probability and the answer a verdict.

    `file` holds parameters as `tools/learn_judge.py` writes them; "default" are those that come
    with the package. What a collection has learnt from its own photos goes before either.
    """

    kind: Literal["judge"]
    file: str = "default"


ScorerSettings = CosineSettings | InliersSettings | CosinePlusInliersSettings | JudgeSettings


class ReadSettings(Settings):
    """What is read: words on the photo, barcodes on it, and words on catalogue pictures.

    `catalogue`: `nameless` reads the pictures of products whose brand and name say little; reading
    takes longer than all else that is done with a picture.
    """

    photo: bool = True
    codes: bool = True
    catalogue: Literal["never", "nameless", "always"] = "never"


class AugmentSettings(Settings):
    """Every catalogue descriptor blended with its `n` nearest, weighing similarity^alpha (DBA)."""

    n: Annotated[int, Field(ge=1, le=100)] = 1
    alpha: Annotated[float, Field(ge=0, le=100)] = 0.0


class AlphaQuerySettings(Settings):
    """Another search with the query blended with its `n` nearest, weighing similarity^alpha."""

    kind: Literal["alpha_qe"]
    n: Annotated[int, Field(ge=0, le=100)] = 3
    alpha: Annotated[float, Field(ge=0, le=100)] = 3.0


class _GraphSettings(Settings):
    """How images are joined for diffusion: docs/method.md, section 3."""

    k_d: Annotated[int, Field(ge=1, le=1000)] = 50
    gamma: Annotated[float, Field(gt=0, le=1000)] = 3.0
    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.99
    k_q: Annotated[int, Field(ge=1, le=1000)] = 10
    gamma_q: Annotated[float, Field(ge=0, le=1000)] = 3.0


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
