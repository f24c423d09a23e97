"""Short-lists with labels: the training data of the judge."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from beautylens.arrays import Bool, Float64, Int64
from beautylens.inputs.several import several
from beautylens.results import Matches
from beautylens.search.judge.evidence import FEATURES, colours, features, shared_design
from beautylens.search.judge.probability import RankedProducts


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """The products of a short-list, best first, with (P,) which are right."""

    products: RankedProducts
    right: Bool


@dataclass(frozen=True, slots=True, eq=False)
class LabelledShortlist:
    """A short-list of N images of P products, and which products are right.

    evidence: (N, F), N at least 1; colour: (N,), colour differences, NaN where unknown;
    agreement: (N,), by text; design: (N,), see `shared_design`; product: (N,), the index of each
    image's product, non-decreasing from 0; right: (P,); present: whether the catalogue has a right
    product, even if the short-list has none.
    """

    evidence: Float64
    colour: Float64
    agreement: Float64
    design: Float64
    product: Int64
    right: Bool
    present: bool

    @classmethod
    def of(
        cls,
        matches: Matches,
        truths: Collection[str],
        ignore: Collection[str] = (),
        sharing: float | None = None,
    ) -> LabelledShortlist | None:
        """Return a short-list with its labels, None if it is empty.

        Ignored products are left out: they are neither right nor wrong. For `sharing`, see `Judge`.
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
        agreement = np.array([match.reasons.text_agreement or 0.0 for match in kept])
        design = np.array([shared_design(match.reasons.inliers or 0, sharing) for match in kept])
        return cls(
            features(kept)[order],
            colours(kept)[order],
            agreement[order],
            design[order],
            numbers[order],
            right,
            bool(truths),
        )

    @property
    def has_right(self) -> bool:
        """Whether a right product is in the short-list."""
        return bool(self.right.any())

    def without_text(self) -> LabelledShortlist:
        """Return the short-list without the evidence of words that were read."""
        evidence = self.evidence.copy()
        evidence[:, [FEATURES.index(name) for name in ("text", "contradiction")]] = 0
        return replace(self, evidence=evidence, agreement=np.zeros_like(self.agreement))

    def ranked(self, weights: Float64) -> Ranked:
        """Return the products ranked by weighted evidence."""
        scores = self.evidence @ weights
        starts = np.flatnonzero(np.diff(self.product, prepend=-1))
        products = np.maximum.reduceat(scores, starts)
        order = np.argsort(-products, kind="stable")
        best = scores.argmax()
        # All pictures of a product have that of the compared one.
        contradictions = -self.evidence[starts, FEATURES.index("contradiction")]
        ranked = RankedProducts(
            products[order],
            contradictions[order],
            self.agreement[starts][order],
            float(np.nan_to_num(self.colour[best])),
            float(self.design[best]),
        )
        return Ranked(ranked, self.right[order])


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One photo's short-list, and those of the same catalogue without its product.

    shortlist: the short-list as it is; left_out: those of searches that exclude the right products
    and, where their family is known, also the family, because shops lack single shades of a line as
    well as whole lines; subject: the first right product, by which photos are grouped into folds,
    empty if there is none.
    """

    shortlist: LabelledShortlist
    left_out: tuple[LabelledShortlist, ...]
    subject: str = ""

    @classmethod
    def of(
        cls,
        matches: Matches,
        truths: Collection[str],
        ignore: Collection[str] = (),
        left_out: Sequence[Matches] = (),
        sharing: float | None = None,
    ) -> Example | None:
        """Return the example of a photo's short-list, None if it is empty.

        Args:
            matches: the whole short-list, with its evidence.
            truths: ids of the right products.
            ignore: ids that are neither right nor wrong.
            left_out: the short-lists of searches that exclude the right products.
            sharing: of the catalogue, as for `Judge`.
        """
        shortlist = LabelledShortlist.of(matches, truths, ignore, sharing)
        if shortlist is None:
            return None
        others = (LabelledShortlist.of(each, (), ignore, sharing) for each in left_out)
        kept = tuple(other for other in others if other is not None)
        return cls(shortlist, kept, min(several(truths), default=""))
