"""Short-lists whose right products are known: what weights and verdicts are learnt from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Float64
from beautylens.inputs.several import several
from beautylens.results import Matches
from beautylens.search.judge.evidence import FEATURES, colours, features, relative_colour

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The products of a question: scores (P,), best first, which are right, the best's colour."""

    scores: Float64
    right: NDArray[np.bool_]
    colour: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelledShortlist:
    """One short-list whose answer is known.

    evidence (N, F) has a row for each image, N at least 1, colour (N,) its colour difference, NaN
    where that is not known, product (N,) the number of its product, rising from 0; right (P,) tells
    the right products. None of them right means "not there"; present tells whether the catalogue
    has one all the same, which the short-list missed.
    """

    evidence: Float64
    colour: Float64
    product: Ints
    right: NDArray[np.bool_]
    present: bool

    @classmethod
    def of(
        cls, matches: Matches, truths: Collection[str], ignore: Collection[str] = ()
    ) -> LabelledShortlist | None:
        """Return the question that a short-list puts, None where nothing is in it.

        Ignored products are left out: they are neither right nor wrong.
        """
        truths = set(several(truths))
        dropped = set(several(ignore)) - truths
        kept = [match for match in matches if match.product.product_id not in dropped]
        if not kept:
            return None
        names = [match.product.product_id for match in kept]
        distinct, numbers = np.unique(names, return_inverse=True)
        order = np.argsort(numbers, kind="stable")
        right = np.array([name in truths for name in distinct])
        evidence, colour = features(kept)[order], colours(kept)[order]
        return cls(evidence, colour, numbers[order], right, bool(truths))

    @property
    def answered(self) -> bool:
        """Whether a right product is there."""
        return bool(self.right.any())

    def unread(self) -> LabelledShortlist:
        """Return the question as it stood before any print was read."""
        evidence = self.evidence.copy()
        evidence[:, FEATURES.index("text")] = 0
        return replace(self, evidence=evidence)

    def without_right(self) -> LabelledShortlist | None:
        """Return the question with its right products left out, None where nothing is left."""
        kept = ~self.right[self.product]
        if not kept.any():
            return None
        _, product = np.unique(self.product[kept], return_inverse=True)
        evidence, colour = self.evidence[kept], self.colour[kept]
        # The closest colour may have been that of a right product.
        evidence[:, FEATURES.index("colour")] = relative_colour(colour)
        return LabelledShortlist(
            evidence, colour, product, np.zeros(product[-1] + 1, bool), present=False
        )

    def ranked(self, weights: Float64) -> Ranked:
        """Return the products by weighed evidence."""
        scores = self.evidence @ weights
        starts = np.flatnonzero(np.diff(self.product, prepend=-1))
        products = np.maximum.reduceat(scores, starts)
        order = np.argsort(-products, kind="stable")
        colour = float(np.nan_to_num(self.colour[scores.argmax()]))
        return Ranked(products[order], self.right[order], colour)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One photo's question, and the same asked of catalogues that lack its product.

    left_out holds the question without its right products and, where their family is known, also
    without that: shops lack single shades of a line, and whole lines. subject is one of the right
    products, by which photos of the same are known; empty where there is none.
    """

    question: LabelledShortlist
    left_out: tuple[LabelledShortlist, ...]
    subject: str = ""

    @classmethod
    def of(
        cls,
        matches: Matches,
        truths: Collection[str],
        ignore: Collection[str] = (),
        family: Collection[str] = (),
    ) -> Example | None:
        """Return the example that a photo's short-list makes, None where nothing is in it.

        Args:
            matches: the whole short-list, with its evidence.
            truths: ids of the right products.
            ignore: ids that are neither right nor wrong.
            family: ids of products that are of one kind with the right ones.
        """
        truths, ignore, family = map(several, (truths, ignore, family))
        question = LabelledShortlist.of(matches, truths, ignore)
        if question is None:
            return None
        alone = LabelledShortlist.of(matches, truths, {*ignore, *family}) if family else None
        asked = [kept.without_right() for kept in (question, alone) if kept and kept.answered]
        left_out = tuple(left for left in asked if left is not None)
        return cls(question, left_out, min(truths, default=""))
