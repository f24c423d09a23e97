"""Searching over recipes, one setting after the other, for the best within a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from beautylens.errors import RecipeError
from beautylens.evaluation.metrics import Interval, bootstrap_interval
from beautylens.recipe.recipe import Recipe

Changes = Mapping[str, object]
Option = Callable[[Recipe], Changes]
"""The sections that an option puts in place of a recipe's own."""
Axis = Sequence[Option]
"""The options of one setting; what a recipe has already is always one more."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of a recipe.

    precisions: AP@7 (challenge) of each photo that chose; milliseconds: the median of a query.
    """

    precisions: tuple[float, ...]
    milliseconds: float

    @property
    def map7(self) -> float:
        """mAP@7 (challenge)."""
        return sum(self.precisions) / len(self.precisions)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of mAP@7."""
        import numpy as np

        return bootstrap_interval(np.array(self.precisions))


@dataclass(frozen=True, slots=True)
class Tried:
    """A recipe and what was measured of it."""

    recipe: Recipe
    figures: Figures

    def fits(self, budget: float | None) -> bool:
        """Tell whether it answers within so many milliseconds."""
        return budget is None or self.figures.milliseconds <= budget


Measure = Callable[[Recipe], Figures]


def best(tried: Iterable[Tried], budget: float | None = None) -> Tried:
    """Return the best recipe within the budget, the faster of equals; else the fastest of all."""
    return max(tried, key=lambda each: _worth(each, budget))


def _worth(tried: Tried, budget: float | None) -> tuple[bool, float, float]:
    figures = tried.figures
    # Sums of floats: what differs by less than any photo's precision can is equal.
    quality = round(figures.map7, 6)
    if tried.fits(budget):
        return True, quality, -figures.milliseconds
    return False, -figures.milliseconds, quality


def front(tried: Iterable[Tried]) -> list[Tried]:
    """Return the recipes than which no other is both as good and as fast, the fastest first."""
    kept: list[Tried] = []
    for each in sorted(tried, key=lambda t: (t.figures.milliseconds, -t.figures.map7)):
        if not kept or each.figures.map7 > kept[-1].figures.map7 + 1e-6:
            kept.append(each)
    return kept


def sweep(
    start: Recipe, axes: Iterable[Axis], measure: Measure, budget: float | None = None
) -> Iterator[Tried]:
    """Yield recipes, one setting changed after the other, each beside the best so far.

    A coordinate search: what is best of one setting is kept while the next is tried. Options that
    do not go with the rest of a recipe are left out; no recipe comes twice.
    """
    current = Tried(start, measure(start))
    known = [start]
    yield current
    for axis in axes:
        found = [current]
        for option in axis:
            made = changed(current.recipe, option(current.recipe))
            if made is not None and made not in known:
                known.append(made)
                found.append(Tried(made, measure(made)))
                yield found[-1]
        # What came with an earlier setting was no better than what was kept then.
        current = best(found, budget)


def changed(recipe: Recipe, changes: Changes) -> Recipe | None:
    """Return a recipe with other sections, None where they do not go together."""
    try:
        return Recipe.model_validate({**dict(recipe), **changes})
    except (RecipeError, ValidationError):
        return None
