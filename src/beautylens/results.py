"""The values that flow through a search: products, matches and the reasons for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, overload

from beautylens.errors import QueryError
from beautylens.features.colour.difference import ColourComparison
from beautylens.features.local.features import Agreement
from beautylens.features.local.keypoints import Keypoints
from beautylens.inputs.counts import at_least_one
from beautylens.query import Query
from beautylens.runtime.extras import extra
from beautylens.text.ocr import Line

Verdict = Literal["match", "unsure", "not_in_catalogue"]

STAGES = (
    "decode", "describe", "retrieve", "expand", "match_code", "verify", "expand_by_name", "compare",
    "read", "score", "total",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Product:
    """One product as its catalogue row describes it."""

    product_id: str
    name: str = ""
    brand: str = ""
    category: str = ""
    gtin: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = field(default=(), compare=False)
    """Paths or addresses of its pictures, from `Collection.get`; none in a match, which has the one
    that was found."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a gallery image was returned, so that a person can check it."""

    visual: float | None = None
    """Cosine similarity of the deep descriptors, -1 to 1."""
    local: float | None = None
    """Cosine similarity of the aggregated local descriptors, -1 to 1."""
    inliers: int | None = None
    """Keypoint matches that one plausible geometric transform explains."""
    text: float | None = None
    """How much of the words read off the pack the product's text explains, in nats."""
    typed: float | None = None
    """How much of what the user typed the product's text explains, 1 for the product with most."""
    words: tuple[str, ...] = ()
    """Words of the product's text that were read off the pack, that the user typed, or that it
    shares with a better match."""
    colour: float | None = None
    """Colour difference of the verified region to the photo's, CIEDE2000, the light taken out."""
    barcode: str | None = None
    """The barcode read on the photo, where it is this product's own."""

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as JSON values, rounded to the digits that mean something."""
        return {
            "visual": rounded(self.visual, 6),
            "local": rounded(self.local, 6),
            "inliers": self.inliers,
            "colour": self.colour,
            "text": rounded(self.text),
            "typed": rounded(self.typed),
            "words": list(self.words),
            "barcode": self.barcode,
        }


class Geometry(NamedTuple):
    """The keypoints of a catalogue picture, and what they have in common with the photo's."""

    keypoints: Keypoints
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Match:
    """One gallery image that may show the query's product.

    Args:
        image_id: of the image in the gallery.
        product: that it shows.
        image: path or address of the picture.
        score: the similarity of its descriptor, until the scorer ranks by all evidence.
        reasons: the evidence.
        probability: that it is the right product, from a scorer that knows.
        refined: its rank by the refinement by names, 0 first, where there was one.
        geometry: where keypoints were compared.
    """

    image_id: str
    product: Product
    image: str
    score: float
    reasons: Reasons = Reasons()
    probability: float | None = None
    refined: int | None = None
    geometry: Geometry | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the product, its score and the reasons as JSON values."""
        product = self.product
        return {
            "product_id": product.product_id,
            "name": product.name,
            "brand": product.brand,
            "category": product.category,
            "gtin": product.gtin,
            "metadata": dict(product.metadata),
            "image": self.image,
            "score": round(self.score, 6),
            "probability": rounded(self.probability),
            "reasons": self.reasons.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """The files that show why each match was returned; matches by their rank, from 1."""

    photo: Path
    """The part of the photo that was searched with, and the lines of text read on it."""
    keypoints: Mapping[int, Path]
    """Photo and catalogue picture side by side, keypoints that agree joined by lines."""
    colours: Mapping[int, Path]
    """Photo and catalogue picture aligned, where their colours were compared."""
    errors: Mapping[int, str]
    """Why a match could not be drawn: its catalogue picture can no longer be read."""


class Explains(Protocol):
    """Writes the drawings that explain matches into a folder."""

    def __call__(self, query: Query, matches: Matches, folder: Path) -> Explanation:
        """Return what was written."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches of one query, best first; equal scores keep the order they came in.

    Args:
        rows: the matches.
        verdict: from a scorer that gives one.
        probability: that the first product is right, in whichever of its listings.
        milliseconds: spent, by stage.
        query: what was searched with.
        lines: the lines of text that were read on the photo, none where it was not read.
        codes: the GTINs of the barcodes on the photo.
        colours: the comparison of colours, where there was one.
        explainer: draws why each was returned, for matches of a collection's search.

    Raises:
        ValueError: when the scores are not in falling order.
    """

    rows: tuple[Match, ...] = ()
    verdict: Verdict | None = None
    probability: float | None = None
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    query: Query | None = field(default=None, repr=False, compare=False)
    lines: tuple[Line, ...] = field(default=(), repr=False)
    codes: tuple[str, ...] = ()
    colours: ColourComparison | None = field(default=None, repr=False, compare=False)
    explainer: Explains | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        scores = [match.score for match in self.rows]
        if any(later > earlier for earlier, later in pairwise(scores)):
            raise ValueError("matches must come in falling order of score")

    @classmethod
    def ranked(cls, matches: Iterable[Match]) -> Matches:
        """Return the matches in falling order of score; ties keep their given order."""
        return cls(tuple(sorted(matches, key=lambda match: -match.score)))

    def with_rows(self, rows: Iterable[Match]) -> Matches:
        """Return the same answer with other rows, in falling order of their scores."""
        return replace(self, rows=Matches.ranked(rows).rows)

    def rescored(self, score: Callable[[Match], float]) -> Matches:
        """Return the same matches under another score, ranked anew."""
        return self.with_rows(replace(match, score=score(match)) for match in self.rows)

    def products(self) -> Matches:
        """Return the best match of each product, so that no product fills several places."""
        best: dict[str, Match] = {}
        for match in self.rows:
            best.setdefault(match.product.product_id, match)
        return replace(self, rows=tuple(best.values()))

    def top(self, limit: int) -> Matches:
        """Return the first `limit` matches, 1 or more.

        Raises:
            QueryError: when it is less.
        """
        return replace(self, rows=self.rows[: at_least_one(limit, "limit")])

    def explain(self, folder: str | Path) -> Explanation:
        """Draw why each match was returned, into PNG files, and return which they are.

        Args:
            folder: made where it does not exist; files of the same names are replaced.

        Raises:
            OSError: when the folder cannot be written.
            QueryError: when these matches are not what a collection's search returned.
        """
        if self.explainer is None or self.query is None:
            raise QueryError(
                "these matches keep no photo to draw; explain what Collection.search returned"
            )
        return self.explainer(self.query, self, Path(folder))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict, the matches and the time of each stage as JSON values."""
        spent = self.milliseconds
        return {
            "verdict": self.verdict,
            "probability": rounded(self.probability),
            "matches": [match.to_dict() for match in self.rows],
            "milliseconds": {stage: round(spent.get(stage, 0.0), 2) for stage in STAGES},
        }

    def to_pandas(self) -> Any:
        """Return the matches as a pandas DataFrame, one row each, indexed by their rank from 1.

        A reason is a column of its name, a further column of the catalogue `metadata.NAME`.

        Raises:
            MissingExtraError: when pandas is not installed.
        """
        with extra("pandas"):
            import pandas as pd
        rows = [_flat(match.to_dict()) for match in self.rows]
        # Of no matches as well, a frame has its columns.
        names = dict.fromkeys(name for row in rows or [_flat(_NOTHING.to_dict())] for name in row)
        index = pd.RangeIndex(1, len(rows) + 1, name="rank")
        return pd.DataFrame(rows, index, columns=list(names))

    def without_pictures(self) -> Matches:
        """Return the answer alone, small enough to keep many of.

        Left out are the photo, keypoints and compared pictures, from which reasons are drawn.
        """
        rows = tuple(replace(match, geometry=None) for match in self.rows)
        return replace(self, rows=rows, query=None, colours=None, explainer=None)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.rows)

    @overload
    def __getitem__(self, place: int) -> Match: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Match, ...]: ...
    def __getitem__(self, place: int | slice) -> Match | tuple[Match, ...]:
        return self.rows[place]


_NOTHING = Match("", Product(""), "", 0.0)


def _flat(match: dict[str, Any]) -> dict[str, Any]:
    """Return a match's values without nesting."""
    metadata, reasons = match.pop("metadata"), match.pop("reasons")
    further = {f"metadata.{name}": value for name, value in metadata.items()}
    return {**match, **reasons, **further}


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a value with the digits that mean something, if there is one."""
    return None if value is None else round(value, digits)
