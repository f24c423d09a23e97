"""A collection: the gallery, the encoder and the search steps of one recipe, under one name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from beautylens.arrays import UInt8
from beautylens.assemble.encoders import load_encoder, load_vlad
from beautylens.assemble.parts import make_describer, make_explain, make_pipeline
from beautylens.catalogue.sources import Table, catalogue_from
from beautylens.errors import CollectionError, QueryError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.local.vlad import VladEncoder
from beautylens.images.decode import Decode, decode_scaled
from beautylens.images.fit import Box
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.sources import Picture, several_pictures
from beautylens.ingest.derive import derive, derives
from beautylens.ingest.fill import Filled, OnProgress, Progress, fill
from beautylens.inputs.counts import at_least_one, none_or_at_least_one
from beautylens.query import Photo, Query, read_photo
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.sections import JudgeSettings
from beautylens.recipe.settings import checked
from beautylens.results import Explanation, Matches, Product
from beautylens.runtime.native import Lock, Once
from beautylens.runtime.threads import core_count
from beautylens.search.explain import Explain
from beautylens.search.judge.parameters import PARAMETERS, JudgeParameters, read_judge_parameters
from beautylens.search.many import Found, search_each
from beautylens.search.pipeline import Pipeline
from beautylens.store.failures import Failure
from beautylens.store.filters import parse_filter, to_sql
from beautylens.store.gallery import Gallery
from beautylens.store.info import collection_info
from beautylens.store.milvus.vector_index import open_with_milvus
from beautylens.store.schema import PLAIN
from beautylens.text.ocr import READABLE_SIDE


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
        return self._encoder(lambda: load_encoder(self.recipe, self.gallery))

    @cached_property
    def _kept_vlad(self) -> VladEncoder:
        return load_vlad(self.gallery)

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

    def _make_pipeline(self, parameters: JudgeParameters | None = None) -> Pipeline:
        return make_pipeline(self.recipe, self.gallery, self.encoder, self.vlad, parameters)

    def search_by(self, recipe: Recipe) -> None:
        """Search with the steps of another recipe over the same rows, to compare the two."""
        self.recipe, self._made = recipe, None

    def search(
        self,
        picture: Picture | Photo,
        limit: int = 7,
        *,
        words: str = "",
        where: str | None = None,
        crop_to: Box | None = None,
    ) -> Matches:
        """Return the products that a photo shows, best first.

        Args:
            picture: a path, the bytes of a file, an open file, an RGB array or a PIL image; or what
                `photo` returned, which has its words, condition and crop.
            limit: how many products, 1 or more.
            words: what the user typed to narrow the search.
            where: condition on the catalogue's columns, such as "brand = 'Dior'".
            crop_to: the part of the upright picture that shows the item, in pixels.

        Raises:
            ImageError: when the picture cannot be read.
            QueryError: when the limit, condition or crop cannot be understood.
        """
        limit = at_least_one(limit, "limit")
        if not isinstance(picture, Photo):
            picture = self.photo(picture, words=words, where=where, crop_to=crop_to)
        elif words or where or crop_to:
            raise QueryError("the photo is prepared already; give words, where and crop to `photo`")
        return replace(self.pipeline.search(picture, limit), explainer=self._draw)

    def search_many(
        self,
        pictures: Picture | Iterable[Picture],
        limit: int = 7,
        *,
        words: str = "",
        where: str | None = None,
        crop_to: Box | None = None,
        workers: int | None = None,
    ) -> Iterator[Found]:
        """Search with many photos, several at a time; yield each with its matches, in order.

        One that cannot be read, or lies outside the crop, comes with the error instead. Photos are
        taken as they are needed, so that there may be any number of them.

        Args:
            pictures: each as for `search`; a lone one is one photo.
            limit: as for `search`.
            words: as for `search`.
            where: as for `search`.
            crop_to: as for `search`.
            workers: searches that run at once, 1 or more; as many as there are cores by default.

        Raises:
            QueryError: at once, when the limit or condition cannot be understood.
        """
        options: dict[str, Any] = {"words": words, "where": where, "crop_to": crop_to}
        search = partial(self.search, limit=at_least_one(limit, "limit"), **options)
        self._checked_filter(where)
        workers = none_or_at_least_one(workers, "workers") or core_count()
        return search_each(search, several_pictures(pictures), workers)

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
        where = self._checked_filter(where)
        longest = self.recipe.keypoints.longest if self.recipe.keypoints else 0
        seen = max(longest, self.encoder.side) / min(self.recipe.retrieve.views)
        wanted = round(max(seen, READABLE_SIDE if self.recipe.read else 0))
        return read_photo(
            picture, wanted, where=where, words=words, crop_to=crop_to, limits=limits, decode=decode
        )

    def describe(self, photo: Photo) -> Query:
        """Return what `search` makes of a photo first: descriptor, keypoints, VLAD."""
        return self.pipeline.describe(photo)

    def _checked_filter(self, where: str | None) -> str | None:
        """Return a filter written anew in the SQL of the store, from what was understood of it."""
        if where is None or not where.strip():
            return None
        return to_sql(parse_filter(where, [*PLAIN, *self.gallery.rows.extra]))

    @cached_property
    def starting_parameters(self) -> JudgeParameters:
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
        return self._make_pipeline(self.starting_parameters.undecided())

    def evidence(self, picture: Picture) -> Matches:
        """Return the whole short-list of a photo with all evidence, for the judge to learn from.

        Raises:
            CollectionError: when the recipe has no judge.
            ImageError: when the picture cannot be read.
        """
        pipeline = self._inquiry
        return pipeline.find_evidence(pipeline.describe(self.photo(picture)))

    def judge_by(self, parameters: JudgeParameters) -> None:
        """Keep the judge's parameters for this collection; later searches use them."""
        self.gallery.artefacts.put(PARAMETERS, parameters.to_bytes())

    @cached_property
    def explain(self) -> Explain:
        """Draws why a match was returned: call it with a query and one of its matches."""
        return make_explain(self.recipe, self.gallery)

    def _draw(self, query: Query, matches: Matches, folder: Path) -> Explanation:
        return self.explain.write(query, matches, folder)

    def get(self, product_id: str) -> Product | None:
        """Return a product with the paths of its pictures; None where there is none of this id."""
        pictures = self.gallery.products.images(product_id)
        if not len(pictures):
            return None
        return replace(pictures[0].product, images=tuple(match.image for match in pictures))

    def thumbnail(self, product_id: str) -> UInt8 | None:
        """Return the small copy of a product's first picture, (H, W, 3) uint8 RGB.

        None where there is no such product, or the recipe keeps no copies.
        """
        ids = [match.image_id for match in self.gallery.products.images(product_id)[:1]]
        return next((small.pixels for small in self.gallery.rows.thumbnails(ids).values()), None)

    def known(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids, one or several, that the collection holds."""
        return self.gallery.products.known(product_ids)

    @property
    def address(self) -> str:
        """The folder or address that the collection was opened at."""
        return self.gallery.address

    @property
    def metadata_columns(self) -> tuple[str, ...]:
        """The catalogue's own further columns, which `where` may ask about."""
        return self.gallery.rows.extra

    def info(self) -> dict[str, Any]:
        """Return size, recipe, encoder, version and columns as JSON values."""
        return collection_info(self.gallery, self.recipe)

    def ready(self) -> None:
        """Raise unless the collection can be searched.

        Raises:
            CollectionError: saying why not.
        """
        self.gallery.ready()

    def add(
        self,
        products: Table,
        *,
        workers: int | None = None,
        stop_on_error: bool = False,
        progress: OnProgress = silent,
    ) -> Filled:
        """Add the products of a catalogue table, or replace those that are there; no re-index.

        Args:
            products: the path of a table, a list of dicts, a data frame or an Arrow table.
            workers: threads that read pictures, 1 or more; all cores by default.
            stop_on_error: raise at the first picture that cannot be read, rather than note it.
            progress: called as it goes on.

        Raises:
            ImageError: when a picture cannot be read and `stop_on_error` is set.
            TableError: when the table cannot be read.
        """
        catalogue = catalogue_from(products)
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
