"""The results of a search: products and matches."""

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
from beautylens.inputs.counts import at_least, at_least_one
from beautylens.query import Query
from beautylens.reasons import Question, Reasons, rounded
from beautylens.runtime.extras import extra
from beautylens.text.ocr import Line

Verdict = Literal["match", "unsure", "not_in_catalogue"]

STAGES = (
    "decode",
    "describe",
    "retrieve",
    "expand",
    "match_code",
    "verify",
    "find_by_words",
    "expand_by_name",
    "compare",
    "read",
    "compare_text",
    "score",
    "total",
)


@dataclass(frozen=True, slots=True)
class Product:
    """A product with the values of its catalogue row.

    `images` are the paths of its pictures, from `Collection.get` only.
    """

    product_id: str
    name: str = ""
    brand: str = ""
    category: str = ""
    gtin: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    images: tuple[str, ...] = field(default=(), compare=False)


def brand_and_name(product: Product) -> str:
    """Return brand and name; the name alone if it starts with the brand."""
    if product.name.casefold().startswith(product.brand.casefold()):
        return product.name or product.brand
    return f"{product.brand} {product.name}".strip()


class Geometry(NamedTuple):
    """The keypoints of a catalogue picture, and their verified matches with the photo's."""

    keypoints: Keypoints
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Match:
    """One gallery image that may show the query's product.

    Args:
        image_id: id of the image in the gallery.
        product: that the image shows.
        image: path or address of the picture.
        score: similarity of the descriptors, replaced by the scorer.
        reasons: the evidence.
        probability: of being the right product, from the judge.
        refined: rank by expansion by name, from 0.
        geometry: verified keypoint matches.
    """

    image_id: str
    product: Product
    image: str
    score: float
    reasons: Reasons = field(default_factory=Reasons)
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
            "against": [difference.to_dict() for difference in self.reasons.against],
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """The files that show the reasons for matches, by rank from 1."""

    photo: Path
    """The part of the photo that was searched with, with the lines of text read on it."""
    keypoints: Mapping[int, Path]
    """Photo and catalogue picture side by side, with lines between verified keypoint matches."""
    colours: Mapping[int, Path]
    """Photo and catalogue picture aligned, if their colours were compared."""
    errors: Mapping[int, str]
    """Errors of catalogue pictures that can no longer be read."""


class Explains(Protocol):
    """Writes the drawings that explain matches into a folder."""

    def __call__(self, query: Query, matches: Matches, folder: Path) -> Explanation:
        """Return the files written."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The matches of one query, best first; ties keep their order.

    Args:
        rows: the matches.
        verdict: from the judge.
        probability: of the first product and its duplicates, from the judge.
        question: that would decide between the first two products, if the verdict is `unsure`.
        milliseconds: by stage.
        query: the query.
        lines: lines of text on the photo; empty if it was not read.
        codes: GTINs of the barcodes on the photo.
        colours: colour comparison of some matches.
        explainer: draws the reasons, for results of `Collection.search`.

    Raises:
        ValueError: when the scores are not in descending order.
    """

    rows: tuple[Match, ...] = ()
    verdict: Verdict | None = None
    probability: float | None = None
    question: Question | None = None
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    query: Query | None = field(default=None, repr=False, compare=False)
    lines: tuple[Line, ...] = field(default=(), repr=False)
    codes: tuple[str, ...] = ()
    colours: ColourComparison | None = field(default=None, repr=False, compare=False)
    explainer: Explains | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        scores = [match.score for match in self.rows]
        if any(later > earlier for earlier, later in pairwise(scores)):
            raise ValueError("matches must be in descending order of score")

    @classmethod
    def ranked(cls, matches: Iterable[Match]) -> Matches:
        """Return the matches in descending order of score; ties keep their order."""
        return cls(tuple(sorted(matches, key=lambda match: -match.score)))

    def with_rows(self, rows: Iterable[Match]) -> Matches:
        """Return the same result with other rows, in descending order of score."""
        return replace(self, rows=Matches.ranked(rows).rows)

    def rescored(self, score: Callable[[Match], float]) -> Matches:
        """Return the same matches ranked by another score."""
        return self.with_rows(replace(match, score=score(match)) for match in self.rows)

    def products(self) -> Matches:
        """Return the best match of each product."""
        best: dict[str, Match] = {}
        for match in self.rows:
            best.setdefault(match.product.product_id, match)
        return replace(self, rows=tuple(best.values()))

    def top(self, limit: int, offset: int = 0) -> Matches:
        """Return the first `limit` matches, 1 or more, after those that `offset` skips.

        Raises:
            QueryError: when the limit is less than 1, or the offset less than 0.
        """
        skipped = at_least(0, offset, "offset")
        return replace(self, rows=self.rows[skipped : skipped + at_least_one(limit, "limit")])

    def explain(self, folder: str | Path) -> Explanation:
        """Draw the reasons for each match into PNG files, and return their paths.

        Args:
            folder: created if it does not exist; files of the same names are replaced.

        Raises:
            OSError: when the folder cannot be written.
            QueryError: when the matches are not from `Collection.search`.
        """
        if self.explainer is None or self.query is None:
            raise QueryError(
                "these matches have no photo to draw; explain a result of Collection.search"
            )
        return self.explainer(self.query, self, Path(folder))

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict, the matches and the time of each stage as JSON values."""
        spent = self.milliseconds
        return {
            "verdict": self.verdict,
            "probability": rounded(self.probability),
            "question": None if self.question is None else self.question.to_dict(),
            "matches": [match.to_dict() for match in self.rows],
            "milliseconds": {stage: round(spent.get(stage, 0.0), 2) for stage in STAGES},
        }

    def to_pandas(self) -> Any:
        """Return the matches as a pandas DataFrame, one row each, indexed by their rank from 1.

        Each reason is a column of its name, and each metadata column `metadata.NAME`.

        Raises:
            MissingExtraError: when pandas is not installed.
        """
        with extra("pandas"):
            import pandas as pd
        rows = [_flat(match.to_dict()) for match in self.rows]
        # A frame without rows has the columns too.
        names = dict.fromkeys(name for row in rows or [_flat(_NOTHING.to_dict())] for name in row)
        index = pd.RangeIndex(1, len(rows) + 1, name="rank")
        return pd.DataFrame(rows, index, columns=list(names))

    def without_pictures(self) -> Matches:
        """Return the result without photo, keypoints and compared pictures, to save memory.

        Its reasons can no longer be drawn.
        """
        rows = tuple(replace(match, geometry=None) for match in self.rows)
        return replace(self, rows=rows, query=None, colours=None, explainer=None)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Match]:
        return iter(self.rows)

    @overload
    def __getitem__(self, index: int) -> Match: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Match, ...]: ...
    def __getitem__(self, index: int | slice) -> Match | tuple[Match, ...]:
        return self.rows[index]


_NOTHING = Match("", Product(""), "", 0.0)


def _flat(match: dict[str, Any]) -> dict[str, Any]:
    """Return a match's values without nesting."""
    metadata, reasons = match.pop("metadata"), match.pop("reasons")
    further = {f"metadata.{name}": value for name, value in metadata.items()}
    return {**match, **reasons, **further}
