"""The evidence for and against a match, and the question that would decide between two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between the photo and a catalogue picture: evidence against a match.

    Args:
        kind: `words` is other text at the same position, `code` another GTIN.
        photo: text or GTIN on the photo.
        catalogue: text on the catalogue picture, or GTIN of the product.
        box: x, y, width and height on the photo in pixels; None if unknown.
        strength: 0 to 1.
    """

    kind: Literal["words", "code"]
    photo: str
    catalogue: str
    box: tuple[int, int, int, int] | None
    strength: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "kind": self.kind,
            "photo": self.photo,
            "catalogue": self.catalogue,
            "box": None if self.box is None else list(self.box),
            "strength": rounded(self.strength),
        }


@dataclass(frozen=True, slots=True)
class Reasons:
    """The evidence for a match; None where there is none."""

    visual: float | None = None
    """Cosine similarity of the deep descriptors, -1 to 1."""
    local: float | None = None
    """Cosine similarity of the VLADs of local descriptors, -1 to 1."""
    inliers: int | None = None
    """Number of keypoint matches that fit one geometric transform."""
    text: float | None = None
    """Weight of the words read on the photo that the product's text has, in nats."""
    typed: float | None = None
    """Weight of the typed words that the product's text has, relative to the best product's."""
    words: tuple[str, ...] = ()
    """Words of the product's text that were read on the photo or typed, or that it shares with the
    match by which expansion by name added it."""
    colour: float | None = None
    """Colour difference from the photo over the aligned region, CIEDE2000, after relighting."""
    barcode: str | None = None
    """The barcode on the photo, if it is the product's GTIN."""
    batch: str | None = None
    """The batch or lot that the barcode says, if it says one."""
    expiry: str | None = None
    """The date of expiry or best before that the barcode says, in ISO 8601."""
    text_agreement: float | None = None
    """Share of the text on the picture, by size, that the photo has at the same position, 0 to 1;
    None if it was not compared."""
    contradiction: float | None = None
    """Strength of the clearest contradiction, 0 to 1: another GTIN, or other text on the photo than
    on the picture at the same position; None if nothing was compared."""
    against: tuple[Difference, ...] = ()
    """The clear contradictions, strongest first."""

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as JSON values, rounded to significant digits."""
        return {
            "visual": rounded(self.visual, 6),
            "local": rounded(self.local, 6),
            "inliers": self.inliers,
            "colour": self.colour,
            "text": rounded(self.text),
            "typed": rounded(self.typed),
            "words": list(self.words),
            "barcode": self.barcode,
            "batch": self.batch,
            "expiry": self.expiry,
            "text_agreement": rounded(self.text_agreement),
            "contradiction": rounded(self.contradiction),
        }


@dataclass(frozen=True, slots=True)
class Question:
    """The question that would decide between the two most probable products.

    Args:
        about: `words` of their names, the name of a catalogue column, or `colour`.
        product_ids: the more probable product first.
        answers: of each product, such as "30 ml" and "50 ml"; colours as #rrggbb.
    """

    about: str
    product_ids: tuple[str, str]
    answers: tuple[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "about": self.about,
            "product_ids": list(self.product_ids),
            "answers": list(self.answers),
        }


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a value rounded to a number of digits; None for None."""
    return None if value is None else round(value, digits)
