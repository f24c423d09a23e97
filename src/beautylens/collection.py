"""A collection: a gallery with the encoder and the search steps of its recipe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

from beautylens.arrays import UInt8
from beautylens.assemble.loaded import LoadedParts
from beautylens.assemble.parts import photo_side
from beautylens.editing import Editable
from beautylens.errors import CollectionError, QueryError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.images.decode import Decode, decode_scaled
from beautylens.images.fit import Box
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.sources import Picture, several_pictures
from beautylens.inputs.counts import at_least, at_least_one, none_or_at_least_one
from beautylens.inputs.several import one_text
from beautylens.query import Photo, Query, check_types, read_photo
from beautylens.recipe.recipe import Recipe
from beautylens.recipe.settings import checked
from beautylens.results import Explanation, Matches, Product
from beautylens.runtime.threads import core_count
from beautylens.search.by_words import search_by_words
from beautylens.search.explain import Explain
from beautylens.search.many import Found, search_each
from beautylens.search.together import MOST_PHOTOS
from beautylens.store.conditions import to_sql
from beautylens.store.failures import Failure
from beautylens.store.filters import parse_filter
from beautylens.store.gallery import Gallery
from beautylens.store.info import collection_info
from beautylens.store.milvus.vector_index import open_with_milvus

# What to search with: a photo, several of the same product, or none for words alone.
Searched: TypeAlias = Picture | Photo | Sequence[Picture | Photo] | None


class Collection(Editable):
    """A searchable catalogue, created by `beautylens.index` and opened by `beautylens.open`."""

    def __init__(self, gallery: Gallery, recipe: Recipe | None = None) -> None:
        self.gallery = gallery
        where = f"the recipe stored in {gallery.address}"
        recipe = recipe or checked(Recipe, gallery.settings["recipe"], where, CollectionError)
        self.parts = LoadedParts(recipe, gallery)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the address: a worker process opens the collection itself, on unpickling."""
        return type(self), (self.gallery, self.recipe)

    @property
    def recipe(self) -> Recipe:
        """The recipe that the collection is searched with."""
        return self.parts.recipe

    @property
    def encoder(self) -> BaseEncoder:
        """The encoder that the collection was built with, its projection included.

        Raises:
            CollectionError: when the encoder file has changed since.
        """
        return self.parts.encoder

    def search_by(self, recipe: Recipe) -> None:
        """Search with the steps of another recipe over the same rows, to compare both."""
        self.parts.use(recipe)

    def search(
        self,
        picture: Searched = None,
        limit: int = 7,
        *,
        words: str = "",
        where: str | None = None,
        crop_to: Box | None = None,
        offset: int = 0,
    ) -> Matches:
        """Return the products most similar to a photo, best first.

        Without a photo, the products with most of the words, without a verdict.

        Args:
            picture: a path, the bytes of a file, an open file, an RGB array or a PIL image; or the
                result of `photo`, with its words, condition and crop; or a list of up to five
                photos of the same product, whose evidence is added up.
            limit: number of products, 1 or more.
            words: of the product's name, typed by the user.
            where: condition on the catalogue's columns, such as "brand = 'Dior'".
            crop_to: the part of the upright picture that shows the item, in pixels.
            offset: number of products to skip, 0 or more; the verdict is that of the first one.

        Raises:
            CollectionError: when there is no photo, and the collection has no index of words.
            ImageError: when the picture cannot be read.
            QueryError: when the limit, offset, condition or crop is invalid, or there are neither
                photo nor words.
        """
        least = at_least_one(limit, "limit") + at_least(0, offset, "offset")
        found = self.candidates(picture, least, words=words, where=where, crop_to=crop_to)
        return found.top(limit, offset)

    def candidates(
        self,
        picture: Searched = None,
        least: int = 7,
        *,
        words: str = "",
        where: str | None = None,
        crop_to: Box | None = None,
    ) -> Matches:
        """Return all products that a search compares, best first; `search` returns the first ones.

        Args:
            picture: as for `search`.
            least: number of products, if there are as many; the recipe's short-list is usually
                longer.
            words: as for `search`.
            where: as for `search`.
            crop_to: as for `search`.

        Raises:
            CollectionError: as for `search`.
            ImageError: as for `search`.
            QueryError: as for `search`.
        """
        self.gallery.catch_up()
        if picture is None:
            return self._search_by_words(words, least, where, crop_to)
        several = isinstance(picture, (list, tuple))
        given = cast(Sequence[Picture | Photo], picture if several else [picture])
        if not 1 <= len(given) <= MOST_PHOTOS:
            raise QueryError(
                f"there are {len(given)} photos of one product; give 1 to {MOST_PHOTOS}, or search "
                "with many by `search_many`"
            )
        if crop_to is not None and len(given) > 1:
            raise QueryError("crop_to is of one photo; crop several by `photo`, each with its own")
        photo, *further = (self._prepared(each, words, where, crop_to) for each in given)
        found = self.parts.pipeline.candidates(photo, least, *further)
        return replace(found, explainer=self._draw)

    def _prepared(
        self, picture: Picture | Photo, words: str, where: str | None, crop_to: Box | None
    ) -> Photo:
        """Return a photo to search with, decoded if it is not yet."""
        if not isinstance(picture, Photo):
            return self.photo(picture, words=words, where=where, crop_to=crop_to)
        if words or where or crop_to:
            raise QueryError("pass words, where and crop_to to `photo`, which prepared the picture")
        return picture

    def _search_by_words(
        self, words: str, limit: int, where: str | None, crop_to: Box | None
    ) -> Matches:
        check_types(words, crop_to)
        if not words.strip():
            raise QueryError("there is nothing to search with; give a photo, words, or both")
        if crop_to is not None:
            raise QueryError("there is no photo to crop; leave crop_to out, or give a photo")
        if not self.gallery.words.exists():
            raise CollectionError(
                f"{self.address} has no index of words; search with a photo, or index its table "
                "into a new folder with a recipe that has [words]"
            )
        return search_by_words(self.gallery, words, limit, self._checked_filter(where))

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

        A photo that cannot be read, or is smaller than the crop, comes with the error instead.
        Photos are read lazily, so that there may be any number of them.

        Args:
            pictures: each as for `search`; a single one is one photo.
            limit: as for `search`.
            words: as for `search`.
            where: as for `search`.
            crop_to: as for `search`.
            workers: concurrent searches, 1 or more; as many as there are cores by default.

        Raises:
            QueryError: at once, when the limit, condition, words or crop are invalid.
        """
        options: dict[str, Any] = {"words": words, "where": where, "crop_to": crop_to}
        search = partial(self.search, limit=at_least_one(limit, "limit"), **options)
        self._checked_filter(where)
        check_types(words, crop_to)
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
        """Return a query photo, decoded at the size that the recipe needs, and cropped.

        Args:
            picture: as for `search`.
            words: as for `search`.
            where: as for `search`.
            crop_to: as for `search`.
            limits: on the size of the picture.
            decode: decodes it.

        Raises:
            ImageError: when the picture cannot be read.
            QueryError: when the condition or crop is invalid.
        """
        # Before the photo is decoded, which takes longer.
        where = self._checked_filter(where)
        side = photo_side(self.recipe, self.encoder.side)
        return read_photo(
            picture, side, where=where, words=words, crop_to=crop_to, limits=limits, decode=decode
        )

    def _checked_filter(self, where: str | None) -> str | None:
        """Return a filter as SQL of the store."""
        if where is None or not one_text(where, "where").strip():
            return None
        return to_sql(parse_filter(where, self.gallery.rows.text_columns))

    @property
    def explain(self) -> Explain:
        """Draws the keypoint matches of a photo and a product's picture."""
        return self.parts.explain

    def _draw(self, query: Query, matches: Matches, folder: Path) -> Explanation:
        return self.explain.write(query, matches, folder)

    def get(self, product_id: str) -> Product | None:
        """Return a product with the paths of its pictures; None for an unknown id."""
        pictures = self.gallery.products.images(product_id)
        if not len(pictures):
            return None
        return replace(pictures[0].product, images=tuple(match.image for match in pictures))

    def thumbnail(self, product_id: str) -> UInt8 | None:
        """Return the thumbnail of a product's first picture, (H, W, 3) uint8 RGB.

        None for an unknown product, or if the recipe stores no thumbnails.
        """
        ids = [match.image_id for match in self.gallery.products.images(product_id)[:1]]
        return next((small.pixels for small in self.gallery.rows.thumbnails(ids).values()), None)

    def known(self, product_ids: Iterable[str]) -> set[str]:
        """Return those of the product ids, one or several, that the collection has."""
        return self.gallery.products.known(product_ids)

    @property
    def address(self) -> str:
        """The folder or address that the collection was opened at."""
        return self.gallery.address

    @property
    def metadata_columns(self) -> tuple[str, ...]:
        """The metadata columns of the catalogue, for conditions and results."""
        return self.gallery.rows.extra

    def info(self) -> dict[str, Any]:
        """Return size, recipe, encoder, version and columns as JSON values."""
        return collection_info(self.gallery, self.recipe)

    def ready(self) -> None:
        """Raise unless the collection can be searched.

        Raises:
            CollectionError: when it cannot be.
        """
        self.gallery.ready()

    def failures(self) -> Sequence[Failure]:
        """Return the catalogue pictures that could not be read."""
        return self.gallery.failures.all()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address!r}, recipe={self.recipe.name!r})"

    def __len__(self) -> int:
        return self.gallery.rows.count()


def open_collection(address: str | Path, vectors: str | None = None) -> Collection:
    """Open a collection.

    Args:
        address: a folder, or an address in object storage.
        vectors: the Milvus cluster with the vectors, `milvus+http://host:19530/NAME`; by default
            that of the recipe, if any, which gets no `MILVUS_TOKEN`; "" for none.

    Raises:
        CollectionError: when there is no collection.
    """
    if vectors:
        return Collection(open_with_milvus(address, vectors))
    opened = Collection(Gallery(address))
    named = opened.recipe.retrieve.vectors if vectors is None else ""
    if not named:
        return opened
    return Collection(open_with_milvus(address, named, named_by_gallery=True))
