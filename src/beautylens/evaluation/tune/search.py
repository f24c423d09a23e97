"""Coordinate search over recipes for the best within a time limit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from beautylens.errors import RecipeError
from beautylens.evaluation.intervals import Interval, bootstrap_interval
from beautylens.recipe.recipe import Recipe

# Sections by name that replace a recipe's own.
Changes = Mapping[str, object]
Option = Callable[[Recipe], Changes]
# The options of one setting, in addition to a recipe's present one.
Axis = Sequence[Option]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a recipe.

    precisions: AP@7 (challenge) of each photo; milliseconds: the median time of a query.
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
    """A recipe and its figures."""

    recipe: Recipe
    figures: Figures

    def fits(self, budget: float | None) -> bool:
        """Return whether its median time is within a budget in milliseconds."""
        return budget is None or self.figures.milliseconds <= budget


Measure = Callable[[Recipe], Figures]


def best(tried: Iterable[Tried], budget: float | None = None) -> Tried:
    """Return the best recipe within the budget, on ties the faster; without any, the fastest."""
    return max(tried, key=lambda each: _worth(each, budget))


def _worth(tried: Tried, budget: float | None) -> tuple[bool, float, float]:
    figures = tried.figures
    # Rounded because sums of floats differ slightly for equal precisions.
    quality = round(figures.map7, 6)
    if tried.fits(budget):
        return True, quality, -figures.milliseconds
    return False, -figures.milliseconds, quality


def front(tried: Iterable[Tried]) -> list[Tried]:
    """Return the Pareto front of mAP@7 and time, the fastest recipe first."""
    kept: list[Tried] = []
    for each in sorted(tried, key=lambda t: (t.figures.milliseconds, -t.figures.map7)):
        if not kept or each.figures.map7 > kept[-1].figures.map7 + 1e-6:
            kept.append(each)
    return kept


def sweep(
    start: Recipe, axes: Iterable[Axis], measure: Measure, budget: float | None = None
) -> Iterator[Tried]:
    """Yield the recipes of a coordinate search.

    The best option of each setting is kept while the next setting is tried. Invalid combinations
    are skipped, and no recipe is measured twice.
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
        # Recipes of earlier axes were compared there.
        current = best(found, budget)


def changed(recipe: Recipe, changes: Changes) -> Recipe | None:
    """Return a recipe with other sections, None if they are not valid together."""
    try:
        return Recipe.model_validate({**dict(recipe), **changes})
    except (RecipeError, ValidationError):
        return None
