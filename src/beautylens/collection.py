"""A collection: the gallery, the encoder and the search steps of one recipe, under one name."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from beautylens.assemble import make_describer, make_encoder, make_explain, make_pipeline
from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.counts import at_least_one
from beautylens.errors import CollectionError, ImageError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.openvino import precision_like
from beautylens.features.encoder.whitening import Whitening
from beautylens.features.local.vlad import VladEncoder
from beautylens.images.decode import Decode, decode_scaled
from beautylens.images.fit import Box, crop, is_blank
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.sources import Picture, name_of
from beautylens.ingest.derive import derive, derives
from beautylens.ingest.fill import Filled, OnProgress, Progress, fill
from beautylens.native import Lock, Once
from beautylens.query import Photo
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import JudgeSettings
from beautylens.recipe.settings import checked
from beautylens.results import Matches
from beautylens.search.explain import Explain
from beautylens.search.judge.parameters import JUDGEMENT, JudgeParameters, read_judge_parameters
from beautylens.search.pipeline import Pipeline
from beautylens.store.failures import Failure
from beautylens.store.filters import parse_filter, to_sql
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.vector_index import open_with_milvus
from beautylens.store.schema import PLAIN
from beautylens.text.ocr import READABLE_SIDE

# The names of the artefacts that describe pictures: the projection of their descriptors, and the
# VLAD of their keypoints.
PROJECTION, VLAD = "projection", "vlad"


def silent(_: Progress) -> None:
    """Show nothing."""


class Collection:
    """A searchable catalogue. Made by `beautylens.index`, opened by `beautylens.open`."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        where = f"the recipe kept in {gallery.address}"
        self._made: tuple[int, Pipeline] | None = None
        self._making = Lock()
        self._encoder: Once[BaseEncoder] = Once()
        self.recipe = checked(Recipe, gallery.settings["recipe"], where, CollectionError)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the address: a worker process opens the collection itself, on unpickling."""
        return _with_recipe, (self.gallery, self.recipe)

    @property
    def encoder(self) -> BaseEncoder:
        """The encoder that the collection was built with, its projection included.

        Raises:
            CollectionError: when the encoder file has changed since.
        """
        return self._encoder(self._load_encoder)

    def _load_encoder(self) -> BaseEncoder:
        stored = self.gallery.artefacts.get(PROJECTION) if self.recipe.projection else None
        projection = Whitening.from_bytes(stored) if stored else None
        made_with = self.gallery.settings["encoder"]
        precision = precision_like(made_with.get("precision"))
        encoder = make_encoder(self.recipe, projection, precision)
        if encoder.fingerprint != made_with["fingerprint"]:
            files = ", ".join(f"'{settings.file}'" for settings in self.recipe.encoders)
            raise CollectionError(
                f"{self.gallery.address} was built with encoder '{made_with['name']}' "
                f"({made_with['fingerprint']}), but {files} now holds '{encoder.name}' "
                f"({encoder.fingerprint}): bring the old file back, or index anew"
            )
        return encoder

    @cached_property
    def _kept_vlad(self) -> VladEncoder:
        stored = self.gallery.artefacts.get(VLAD)
        vlad = VladEncoder.from_bytes(stored) if stored else None
        made_with = self.gallery.settings.get(VLAD, {}).get("fingerprint")
        if vlad is None or vlad.fingerprint != made_with:
            raise CollectionError(
                f"{self.gallery.address}: the vocabulary of its local features is missing or not "
                "the one that it was built with; index again into another folder"
            )
        return vlad

    @property
    def vlad(self) -> VladEncoder | None:
        """What makes one vector of a picture's keypoints, if the recipe has [vlad].

        Raises:
            CollectionError: when it is missing or has changed since.
        """
        return self._kept_vlad if self.recipe.vlad else None

    @property
    def pipeline(self) -> Pipeline:
        """The search steps of the recipe, made again when artefacts changed."""
        changing = derives(self.recipe) or self.recipe.has_judge
        version = self.gallery.artefacts.version() if changing else 0
        with self._making():
            if self._made is None or self._made[0] != version:
                self._made = version, self._make_pipeline()
            return self._made[1]

    def _make_pipeline(self, judgement: JudgeParameters | None = None) -> Pipeline:
        return make_pipeline(self.recipe, self.gallery, self.encoder, self.vlad, judgement)

    def search_by(self, recipe: Recipe) -> None:
        """Search with the steps of another recipe over the same rows, to compare the two."""
        self.recipe, self._made = recipe, None

    def search(
        self,
        picture: Picture,
        limit: int = 7,
        *,
        words: str = "",
        where: str | None = None,
        crop_to: Box | None = None,
    ) -> Matches:
        """Return the products that a photo shows, best first.

        Args:
            picture: a path, the bytes of a file, an open file, an RGB array or a PIL image.
            limit: how many products, 1 or more.
            words: what the user typed to narrow the search.
            where: condition on the catalogue's columns, such as "brand = 'Dior'".
            crop_to: the part of the upright picture that shows the item, in pixels.

        Raises:
            ImageError: when the picture cannot be read.
            QueryError: when the limit, condition or crop cannot be understood.
        """
        limit = at_least_one(limit, "limit")
        photo = self.photo(picture, words=words, where=where, crop_to=crop_to)
        return self.pipeline.search(photo, limit)

    def photo(
        self,
        picture: Picture,
        *,
        words: str = "",
        where: str | None = None,
        crop_to: Box | None = None,
        limits: Limits = DEFAULT_LIMITS,
        decode: Decode = decode_scaled,
    ) -> Photo:
        """Return a query photo, decoded as large as the recipe has use for, and cropped.

        Args:
            picture: as for `search`.
            words: as for `search`.
            where: as for `search`.
            crop_to: as for `search`.
            limits: what the picture may cost.
            decode: decodes it.

        Raises:
            ImageError: when the picture cannot be read.
            QueryError: when the condition or crop cannot be understood.
        """
        # Before the photo: a filter that cannot be understood costs nothing else.
        where = self._checked_filter(where) if where and where.strip() else None
        start = time.perf_counter()
        longest = self.recipe.keypoints.longest if self.recipe.keypoints else 0
        seen = max(longest, self.encoder.side) / min(self.recipe.retrieve.views)
        wanted = round(max(seen, READABLE_SIDE if self.recipe.read else 0))
        # A part of the picture may be small, so the whole is decoded as large as the limits allow.
        decoded = decode(
            picture, name="the photo", limits=limits, least_side=None if crop_to else wanted
        )
        pixels = decoded.pixels
        if crop_to is not None:
            pixels = crop(pixels, crop_to.scaled(decoded.scale))
        if is_blank(pixels):
            name = name_of(picture, "the photo")
            raise ImageError(f"{name} is one colour all over; take one that shows the product")
        return Photo(pixels, where, words, (time.perf_counter() - start) * 1000)

    def _checked_filter(self, where: str) -> str:
        """Return a filter written anew in the SQL of the store, from what was understood of it."""
        return to_sql(parse_filter(where, [*PLAIN, *self.gallery.rows.extra]))

    @cached_property
    def starting_judgement(self) -> JudgeParameters:
        """What the recipe names to judge by, whatever the collection has learnt since.

        Raises:
            CollectionError: when the recipe has no judge.
        """
        scorer = self.recipe.scorer
        if not isinstance(scorer, JudgeSettings):
            raise CollectionError(
                f"{self.gallery.address} has the recipe '{self.recipe.name}', which gives no "
                'verdicts; index with one that has [scorer] kind = "judge"'
            )
        return read_judge_parameters(scorer.file)

    @cached_property
    def _inquiry(self) -> Pipeline:
        """The search steps, none of them left out because the others had decided."""
        return self._make_pipeline(self.starting_judgement.undecided())

    def evidence(self, picture: Picture) -> Matches:
        """Return the whole short-list of a photo with all evidence, to learn a judgement from.

        Raises:
            CollectionError: when the recipe has no judge.
            ImageError: when the picture cannot be read.
        """
        pipeline = self._inquiry
        return pipeline.find_evidence(pipeline.describe(self.photo(picture)))

    def judge_by(self, judgement: JudgeParameters) -> None:
        """Keep a judgement that was learnt for this collection; searches use it from now on."""
        self.gallery.artefacts.put(JUDGEMENT, judgement.to_bytes())

    @cached_property
    def explain(self) -> Explain:
        """Draws why a match was returned: call it with a photo and one of its matches."""
        return make_explain(self.recipe, self.gallery)

    def add(
        self,
        products: str | Path | Catalogue,
        *,
        workers: int | None = None,
        stop_on_error: bool = False,
        progress: OnProgress = silent,
    ) -> Filled:
        """Add the products of a catalogue table, or replace those that are there; no re-index."""
        catalogue = products if isinstance(products, Catalogue) else read_catalogue(products)
        describer = make_describer(self.recipe, self.encoder, self.vlad, workers)
        filled = fill(
            self.gallery, catalogue, describer,
            resume=False, stop_on_error=stop_on_error, progress=progress,
        )  # fmt: skip
        self.settle(filled.written)
        return filled

    def remove(self, product_ids: Iterable[str]) -> int:
        """Remove products by id, one or several; return how many images went."""
        gone = self.gallery.delete(product_ids)
        self.settle()
        return gone

    def settle(self, written: int = 0) -> None:
        """Compute the artefacts again, if rows changed, and compact the gallery.

        Args:
            written: images written just now.
        """
        derive(self.recipe, self.gallery)
        self.gallery.compact(written)

    def failures(self) -> Sequence[Failure]:
        """Return the catalogue pictures that could not be read."""
        return self.gallery.failures.all()

    def __len__(self) -> int:
        return self.gallery.rows.count()


def _with_recipe(gallery: Gallery, recipe: Recipe) -> Collection:
    collection = Collection(gallery)
    collection.search_by(recipe)
    return collection


def open_collection(address: str | Path, vectors: str | None = None) -> Collection:
    """Open a collection.

    Args:
        address: a folder, or an address in object storage.
        vectors: the Milvus cluster that finds the nearest, `milvus+http://host:19530/NAME`; by
            default that of the recipe, if it names one, which is sent no `MILVUS_TOKEN`. An empty
            text is for none.

    Raises:
        CollectionError: when there is none at this address.
    """
    if vectors:
        return Collection(open_with_milvus(address, vectors))
    opened = Collection(Gallery(address))
    named = opened.recipe.retrieve.vectors if vectors is None else ""
    if not named:
        return opened
    return Collection(open_with_milvus(address, named, named_by_gallery=True))
