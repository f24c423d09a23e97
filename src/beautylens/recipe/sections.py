"""Sections of a recipe: the settings of each step of indexing and search."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from beautylens.errors import RecipeError
from beautylens.recipe.settings import PoolingSettings, Scales, Settings

View = Annotated[float, Field(gt=0, le=1)]
Length = Annotated[int, Field(ge=1, le=8)]


class EncoderSettings(Settings):
    """An encoder; settings that are left out are those of the encoder file.

    `weight` multiplies its unit descriptor in an ensemble, or is the a_i of a product; `source`
    says where the file can be obtained.
    """

    file: str = "default"
    side: Annotated[int, Field(ge=32, le=2048)] | None = None
    pooling: PoolingSettings | None = None
    scales: Scales | None = None
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    source: str = ""


class EnsembleSettings(Settings):
    """Combination of several encoders: descriptors concatenated, or cosines multiplied."""

    combine: Literal["concatenate", "product"] = "concatenate"


class ProjectionSettings(Settings):
    """A projection fitted at indexing on a sample of the catalogue's descriptors.

    `dimensions` principal axes are kept, at most as many as the sample has; without it all channels
    are kept. `power` 0 is plain PCA, 1 full whitening.
    """

    zscore: bool = False
    dimensions: Annotated[int, Field(ge=1)] | None = None
    power: Annotated[float, Field(ge=0, le=1)] = 0.0
    sample: Annotated[int, Field(ge=2)] = 20_000

    def model_post_init(self, _context: object) -> None:
        """Refuse a projection without effect."""
        if not self.zscore and self.dimensions is None:
            raise RecipeError("[projection] needs `zscore = true`, `dimensions`, or both")


class KeypointSettings(Settings):
    """Keypoints of photos and catalogue pictures; `longest` is the longer side in pixels.

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
                "SURF is patented and not part of OpenCV; use the free alternative "
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
    """VLAD of local descriptors, as a second retrieval beside the global descriptor.

    A vocabulary of `words` and at most `dimensions` principal axes are fitted at indexing on
    `sample` pictures of the catalogue, and kept for later additions.
    """

    words: Annotated[int, Field(ge=2, le=4096)] = 256
    dimensions: Annotated[int, Field(ge=1, le=4096)] = 512
    sample: Annotated[int, Field(ge=2, le=20_000)] = 4_000


class RetrieveSettings(Settings):
    """Retrieval of the short-list: gallery images nearest to the query's mean descriptor.

    A view is a centred crop with this share of the photo's width and height. `salient` makes the
    background of the photo's salient item white first. `vectors` is a Milvus cluster that searches
    the vectors, `milvus+http://host:19530/NAME`.
    """

    depth: Annotated[int, Field(ge=1, le=10_000)] = 100
    distance: Literal["cosine", "l1", "l2"] = "cosine"
    views: Annotated[tuple[View, ...], Field(min_length=1)] = (1.0,)
    salient: bool = False
    vectors: str = ""


class VerifySettings(Settings):
    """Keypoint matching and geometric verification of each candidate.

    `ratio` is Lowe's; `mutual` keeps mutual nearest neighbours only. Matches that fit one
    `transform` are inliers; "none" counts all matches.
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
    """Colour comparison of the photo with at most `most` candidates of similar inlier counts.

    With this section a thumbnail of each catalogue picture is stored.
    """

    most: Annotated[int, Field(ge=2, le=64)] = 8


class CompareTextSettings(Settings):
    """Comparison of the photo's text with that of at most `most` catalogue pictures, by position.

    With this section the text on every catalogue picture is read at indexing.
    """

    most: Annotated[int, Field(ge=1, le=16)] = 3


class WordsSettings(Settings):
    """Look-up of products by the words read on the photo, where it is undecided, and those typed.

    At most `products` join the short-list for the words read, and as many for those typed. With
    this section an index of the words of each product is stored.
    """

    products: Annotated[int, Field(ge=1, le=1000)] = 50


class ExpandByNameSettings(Settings):
    """Expansion by products whose texts are similar to those of the first matches.

    The `first` products add at most `listed` others each, whose texts have a cosine of at least
    `minimum`. Terms are n-grams of up to `words` words and, if `characters` gives the shortest and
    longest, character n-grams inside words. `variant` ranks the first seven; similar products not
    among them are not added. The judge does not read these ranks.
    """

    variant: Literal["slide", "program"] = "slide"
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
    """Ranks by the similarity of descriptors."""

    kind: Literal["cosine"] = "cosine"


class InliersSettings(Settings):
    """Ranks by the number of inliers, then by their mean descriptor distance (Tang et al.)."""

    kind: Literal["inliers"]


class CosinePlusInliersSettings(Settings):
    """Ranks by cosine + `weight` * ln(1 + inliers above the chance level)."""

    kind: Literal["cosine_plus_inliers"]
    weight: Annotated[float, Field(gt=0, le=1e6)] = 0.125


class JudgeSettings(Settings):
    """Ranks by all evidence, with a probability for each product and a verdict for the answer.

    `file` has parameters as `tools/learn_judge.py` writes them; "default" are those of the package.
    Parameters calibrated on a collection's photos take precedence.
    """

    kind: Literal["judge"]
    file: str = "default"


ScorerSettings = CosineSettings | InliersSettings | CosinePlusInliersSettings | JudgeSettings


class ReadSettings(Settings):
    """OCR of the photo and of catalogue pictures, and reading of codes on the photo.

    `catalogue` says for which products the text on their pictures counts as text of the product:
    `nameless` is those with little text in brand and name.
    """

    photo: bool = True
    codes: bool = True
    catalogue: Literal["never", "nameless", "always"] = "never"

    @model_validator(mode="after")
    def _compare_what_is_read(self) -> ReadSettings:
        if self.catalogue != "never" and not self.photo:
            raise PydanticCustomError(
                "catalogue",
                "words on catalogue pictures are compared with those on the photo: set photo = "
                "true, or leave catalogue out",
            )
        return self


class AugmentSettings(Settings):
    """Database augmentation (DBA): blending with the `n` nearest, by weight * similarity^alpha."""

    n: Annotated[int, Field(ge=1, le=100)] = 1
    alpha: Annotated[float, Field(ge=0, le=100)] = 0.0
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0


class AlphaQuerySettings(Settings):
    """Alpha query expansion: blending with the `n` nearest, by weight * similarity^alpha."""

    kind: Literal["alpha_qe"]
    n: Annotated[int, Field(ge=0, le=100)] = 3
    alpha: Annotated[float, Field(ge=0, le=100)] = 3.0
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0


class _GraphSettings(Settings):
    """Settings of the diffusion graph: docs/method.md, section 3."""

    k_d: Annotated[int, Field(ge=2, le=1000)] = 50
    gamma: Annotated[float, Field(gt=0, le=1000)] = 3.0
    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.99
    k_q: Annotated[int, Field(ge=1, le=1000)] = 10
    gamma_q: Annotated[float, Field(ge=0, le=1000)] = 3.0


class DiffusionSettings(_GraphSettings):
    """Diffusion over the `depth` images nearest to the query, with the gallery's graph."""

    kind: Literal["diffusion"]
    depth: Annotated[int, Field(ge=1, le=10_000)] = 400


class LateDiffusionSettings(_GraphSettings):
    """Offline diffusion: computed at indexing, over the `truncation` nearest of each image."""

    kind: Literal["late_diffusion"]
    truncation: Annotated[int, Field(ge=1, le=10_000)] = 1024


class SuperGlobalSettings(Settings):
    """SuperGlobal: descriptors refined among the `depth` images nearest to the query."""

    kind: Literal["superglobal"]
    depth: Annotated[int, Field(ge=1, le=10_000)] = 400


ExpandSettings = (
    AlphaQuerySettings | DiffusionSettings | LateDiffusionSettings | SuperGlobalSettings
)
