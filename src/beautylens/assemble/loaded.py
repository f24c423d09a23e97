"""The parts of an open collection: encoder, VLAD and search steps, loaded on first use."""

from __future__ import annotations

from functools import cached_property

from beautylens.assemble.encoders import load_encoder, load_vlad
from beautylens.assemble.parts import make_describer, make_explain, make_pipeline
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.local.vlad import VladEncoder
from beautylens.ingest.derive import derives
from beautylens.ingest.fill import Describer
from beautylens.recipe.recipe import Recipe
from beautylens.runtime.native import Lock, Once
from beautylens.search.explain import Explain
from beautylens.search.judge.parameters import JudgeParameters
from beautylens.search.pipeline import Pipeline
from beautylens.store.gallery import Gallery


class LoadedParts:
    """The parts that a recipe names for a gallery.

    Args:
        recipe: names the parts.
        gallery: the images to search.
    """

    def __init__(self, recipe: Recipe, gallery: Gallery) -> None:
        self.recipe, self._gallery = recipe, gallery
        self._pipeline: tuple[int, Pipeline] | None = None
        self._making = Lock()
        self._encoder: Once[BaseEncoder] = Once()

    def use(self, recipe: Recipe) -> None:
        """Replace the search steps by those of another recipe."""
        self.recipe, self._pipeline = recipe, None

    @property
    def encoder(self) -> BaseEncoder:
        """The encoder that the gallery was built with, its projection included.

        Raises:
            CollectionError: when the encoder file has changed since.
        """
        return self._encoder(lambda: load_encoder(self.recipe, self._gallery))

    @cached_property
    def _stored_vlad(self) -> VladEncoder:
        return load_vlad(self._gallery)

    @property
    def vlad(self) -> VladEncoder | None:
        """The VLAD that the gallery was built with, if the recipe has [vlad].

        Raises:
            CollectionError: when it is missing or has changed since.
        """
        return self._stored_vlad if self.recipe.vlad else None

    @property
    def pipeline(self) -> Pipeline:
        """The search steps of the recipe, created again when artefacts changed."""
        changing = derives(self.recipe) or self.recipe.has_judge
        version = self._gallery.artefacts.version() if changing else 0
        with self._making():
            if self._pipeline is None or self._pipeline[0] != version:
                self._pipeline = version, self.make_pipeline()
            return self._pipeline[1]

    def make_pipeline(self, parameters: JudgeParameters | None = None) -> Pipeline:
        """Return the search steps, with other parameters of the judge if given."""
        return make_pipeline(self.recipe, self._gallery, self.encoder, self.vlad, parameters)

    def make_describer(self, workers: int | None = None) -> Describer:
        """Return the describer of catalogue pictures; all cores by default."""
        return make_describer(self.recipe, self.encoder, self.vlad, workers)

    @cached_property
    def explain(self) -> Explain:
        """Draws the reasons of matches."""
        return make_explain(self.recipe, self._gallery)
