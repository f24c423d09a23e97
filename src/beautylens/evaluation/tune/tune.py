"""Tuning: the best recipe for a catalogue and labelled photos within a time limit.

First descriptors are compared alone, then search settings on collections of the best descriptors.
Selection and final figures use different photos.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from beautylens.assemble.encoders import make_encoder
from beautylens.catalogue.table import Catalogue
from beautylens.catalogue.truth import TruthRow
from beautylens.errors import BeautylensError, RecipeError
from beautylens.evaluation.tune.axes import axes, completed
from beautylens.evaluation.tune.cache import Memory, digest_of, pictures_digest
from beautylens.evaluation.tune.descriptors import Descriptor, Descriptors, finalists, sides
from beautylens.evaluation.tune.measure import Trials
from beautylens.evaluation.tune.photos import SplitPhotos, split_photos
from beautylens.evaluation.tune.search import Figures, Tried, best, changed, sweep
from beautylens.indexing import build
from beautylens.ingest.progress import OnProgress
from beautylens.ingest.training_sample import sample
from beautylens.inputs.several import several
from beautylens.recipe.recipe import Recipe, located
from beautylens.recipe.sections import EncoderSettings
from beautylens.text.product_texts import product_texts

# Maximum of catalogue pictures for tuning, including all of the photos' products.
GALLERY = 4000
# Axes that are tried with every descriptor, up to the words; the others with the first one only.
SHARED = 5
WORK = "work"


@dataclass(frozen=True, slots=True)
class Tuned:
    """The result of tuning.

    start, chosen: with figures on the photos for selection; reported, start_reported: the figures
    of `chosen` and `start` on the other photos, None if there are too few.
    """

    start: Tried
    chosen: Tried
    tried: tuple[Tried, ...]
    descriptors: tuple[Descriptor, ...]
    budget: float | None
    reported: Figures | None
    start_reported: Figures | None

    @property
    def misses_budget(self) -> bool:
        """Whether `chosen` was within the budget on the photos for selection alone."""
        if self.budget is None or self.reported is None or not self.chosen.fits(self.budget):
            return False
        return self.reported.milliseconds > self.budget


class Tuning:
    """A tuning run in four steps: `describe`, `build`, `search`, `report`.

    Args:
        catalogue: the products.
        truth: labelled photos.
        folder: for the results; its sub-folder `work` is the cache.
        start: the recipe to start from, with one encoder.
        encoders: names or paths of further encoders to try.
        budget: maximum of milliseconds per query; None for no limit.

    Raises:
        BeautylensError: when the folder is a file.
        RecipeError: when the recipe has several encoders.
        EncoderError: when there is no such encoder.
        TableError: when no photo shows a product of the catalogue.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        truth: Sequence[TruthRow],
        folder: Path,
        start: Recipe,
        encoders: Sequence[str] = (),
        budget: float | None = None,
    ) -> None:
        if folder.exists() and not folder.is_dir():
            raise BeautylensError(f"{folder} is a file; name a folder for the results")
        if len(start.encoders) > 1:
            raise RecipeError(
                f"recipe '{start.name}' has {len(start.encoders)} encoders, and tuning chooses "
                "one: start from a recipe with one [encoder], and name others with --encoder"
            )
        # Times are measured on this machine, without a Milvus cluster.
        self._vectors = start.retrieve.vectors
        alone = start.retrieve.model_copy(update={"vectors": ""})
        self.start = start.model_copy(update={"retrieve": alone})
        named = [
            start.encoders[0],
            *(EncoderSettings(file=located(name)) for name in several(encoders)),
        ]
        networks = [found for settings in named for found in sides(settings)]
        # Not by a set, because settings with options are not hashable.
        self._networks = [n for index, n in enumerate(networks) if n not in networks[:index]]
        self.photos: SplitPhotos = split_photos(
            truth, set(catalogue.rows["product_id"].to_pylist())
        )
        self.whole = len(catalogue)
        self.catalogue = _searched(catalogue, [*self.photos.choosing, *self.photos.reporting])
        self.budget, self._work = budget, folder / WORK
        self._memory = Memory(self._work)
        self.descriptors: tuple[Descriptor, ...] = ()
        self.unreadable = 0
        self._trials: list[tuple[Recipe, Trials]] = []
        self._tried: list[Tried] = []

    @property
    def pictures(self) -> int:
        """The number of pictures that networks describe."""
        return self._described().pictures * len(self._networks)

    def describe(self, step: Callable[[], None] = lambda: None) -> None:
        """Compare all descriptors.

        Raises:
            ImageError: when no picture, or no photo, can be read.
        """
        compared = self._described(step)
        found = [d for network in self._networks for d in compared.compare(network)]
        self.descriptors, self.unreadable = tuple(found), compared.unreadable

    def _described(self, step: Callable[[], None] = lambda: None) -> Descriptors:
        return Descriptors(self.catalogue, self.photos.choosing, self.start, self._memory, step)

    def build(self, progress: OnProgress) -> None:
        """Build a collection for each of the best descriptors, with all optional parts."""
        texts = any(product_texts(self.catalogue.rows).values())
        rows = self.catalogue.rows.to_pylist()
        pictures = pictures_digest(self.catalogue.image_path(row["image"]) for row in rows)
        for descriptor in finalists(self.descriptors, self.start):
            start = _described_as(self.start, descriptor.recipe)
            if start is None:
                # This descriptor is not valid with other parts of the recipe.
                continue
            full = completed(start, texts=texts)
            key = digest_of(full.model_dump_json(), make_encoder(full).fingerprint, rows, pictures)
            address = self._work / "collections" / f"{key}.lens"
            collection, _ = build(self.catalogue, address, recipe=full, progress=progress)
            trials = Trials(collection, key, self.photos.choosing, self._memory)
            self._trials.append((start, trials))

    @property
    def most(self) -> int:
        """The maximum number of recipes that are tried."""
        full = completed(self.start, texts=True)
        tried = [1 + len(axis) for axis in axes(self.start, full)]
        return sum(tried) + sum(tried[:SHARED]) * (len(self._trials) - 1)

    def search(self, step: Callable[[], None] = lambda: None) -> None:
        """Try search settings on each collection.

        The second and third start from the best settings so far and only try the first axes,
        because the effect of the others does not depend on the descriptor.
        """
        for descriptor, trials in self._trials:
            tried = axes(self.start, trials.full)
            start: Recipe | None = self.start
            if self._tried:
                start = _described_as(best(self._tried, self.budget).recipe, descriptor)
                tried = tried[:SHARED]
            if start is not None:
                for found in sweep(start, tried, trials, self.budget):
                    self._tried.append(found)
                    step()

    def report(self, step: Callable[[], None] = lambda: None) -> Tuned:
        """Return the result, with figures on the photos that were not used for selection."""
        chosen = best(self._tried, self.budget)
        started = next(tried for tried in self._tried if tried.recipe == self.start)
        reported = []
        for tried in (chosen, started):
            reported.append(self._reported(tried.recipe))
            step()
        return Tuned(started, chosen, tuple(self._tried), self.descriptors, self.budget, *reported)

    def _reported(self, recipe: Recipe) -> Figures | None:
        if not self.photos.reporting:
            return None
        trials = next(t for start, t in self._trials if _same_rows(start, recipe))
        return trials.report(recipe, self.photos.reporting)

    def written(self, recipe: Recipe) -> Recipe:
        """Return a recipe for its file: under its own name, with the Milvus cluster restored."""
        retrieve = recipe.retrieve.model_copy(update={"vectors": self._vectors})
        return recipe.model_copy(update={"name": "tuned", "retrieve": retrieve})

    def failures(self) -> int:
        """Return the number of catalogue pictures that could not be read."""
        return len(self._trials[0][1].failures)


def _described_as(recipe: Recipe, other: Recipe) -> Recipe | None:
    """Return a recipe with the descriptor of another one, None if they are not valid together."""
    return changed(recipe, {"encoders": other.encoders, "projection": other.projection})


def _same_rows(one: Recipe, other: Recipe) -> bool:
    return (one.encoders, one.projection) == (other.encoders, other.projection)


def _searched(catalogue: Catalogue, photos: Sequence[TruthRow]) -> Catalogue:
    """Return all pictures of the photos' products and, if the catalogue is large, a sample."""
    named = sorted({p for row in photos for p in row.product_ids | row.ignore_ids})
    asked = pc.is_in(catalogue.rows["product_id"], value_set=pa.array(named, pa.string()))
    shown = catalogue.rows.filter(asked)
    others = replace(catalogue, rows=catalogue.rows.filter(pc.invert(asked)))
    rows = pa.concat_tables([shown, sample(others, max(0, GALLERY - len(shown))).rows])
    return replace(catalogue, rows=rows.sort_by("image_id"))
