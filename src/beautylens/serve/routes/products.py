"""`GET|PUT|PATCH|DELETE /v1/products/{id}` and `GET /v1/products/{id}/image`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi.security import HTTPBearer

from beautylens.catalogue.table import OPTIONAL
from beautylens.errors import CollectionError, ImageError, TableError
from beautylens.files.paths import as_path
from beautylens.images.decode import DecodeOptions
from beautylens.serve.forms import FormRoute
from beautylens.serve.models import Item
from beautylens.serve.pictures import PictureStore, shown
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.routes.search import unknown
from beautylens.serve.service import Service
from beautylens.serve.texts import LONGEST, Fact, FactOrNone, PathId, check_fact, check_id
from beautylens.store.write_lock import write_lock

MOST_PICTURES = 10
# Only for the OpenAPI description; `Guard` checks the key before the body is read.
_KEY = Depends(HTTPBearer(auto_error=False, description="Write key."))
_PARTS = frozenset(("image", *OPTIONAL, "metadata"))
_REFUSED = (400, 401, 403, 408, 413, 415, 422, 429, 503)


async def _refuse_unknown_parts(request: Request) -> None:
    """Refuse parts that would be ignored, such as a further column outside of `metadata`.

    Raises:
        TableError: when a form has one.
    """
    if strange := sorted(set(await request.form()) - _PARTS):
        raise TableError(
            f"there is no part {strange[0]!r}; further columns are sent as the JSON object metadata"
        )


class Products:
    """Reads and changes the products of a collection.

    Args:
        service: collection and settings.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._collection, self._limits = service.collection, service.settings.product_limits
        self._decode = service.decoders.decode
        self._folder = as_path(service.settings.collection)
        self._pictures = PictureStore(self._folder)

    def read(self, product_id: str) -> Item:
        """Return a product.

        Raises:
            HTTPProblem: 404 when there is no product with this id.
        """
        product = self._collection.get(product_id)
        if product is None:
            raise unknown(product_id)
        return Item.of(product, self._service.base)

    def picture(self, product_id: str, side: int) -> bytes:
        """Return a product's first picture as a JPEG.

        Raises:
            HTTPProblem: 404 when there is no such product, or no picture of it.
        """
        product = self._collection.get(product_id)
        picture = None if product is None else shown(self._service, product, side)
        if picture is None:
            raise HTTPProblem(404, "not-found", f"no picture of product {product_id!r}")
        return picture

    def put(self, product_id: str, facts: Mapping[str, str], files: Sequence[bytes]) -> Item:
        """Add or replace a product in one commit.

        Raises:
            ImageError: when a picture cannot be read; then nothing is changed.
        """
        self._check(files)
        with write_lock(self._folder):
            self._write(product_id, facts, files, self._collection.add)
        return self.read(product_id)

    def patch(self, product_id: str, facts: Mapping[str, str], files: Sequence[bytes]) -> Item:
        """Change columns of a product, and its pictures if there are any, in one commit.

        Raises:
            HTTPProblem: 404 when there is no product with this id.
            ImageError: when a picture cannot be read; then nothing is changed.
        """
        self._check(files)
        with write_lock(self._folder):
            if not self._collection.known([product_id]):
                raise unknown(product_id)
            if files:
                self._write(product_id, facts, files, self._collection.update)
            elif facts:
                row = {"product_id": product_id, **facts}
                self._collection.update([row], columns={name: name for name in row})
        return self.read(product_id)

    def _check(self, files: Sequence[bytes]) -> None:
        """Decode pictures, to refuse those that cannot be read."""
        for number, data in enumerate(files, start=1):
            self._decode(data, DecodeOptions(f"picture {number}", self._limits))

    def _write(
        self,
        product_id: str,
        facts: Mapping[str, str],
        files: Sequence[bytes],
        write: Callable[..., object],
    ) -> None:
        """Store pictures and write a product with them."""
        former = self._images(product_id)
        kept: list[str] = []
        try:
            # One by one, so that those stored before a failure can be deleted.
            kept.extend(str(self._pictures.keep(product_id, data)) for data in files)
            kept = list(dict.fromkeys(kept))
            row = {"product_id": product_id, "image": kept, **facts}
            columns = {name: name for name in row}
            write([row], columns=columns, workers=1, stop_on_error=True)
        except BaseException as error:
            # But not those of a commit that succeeded before the failure.
            self._pictures.delete(set(kept) - former - self._images(product_id))
            if isinstance(error, ImageError):
                raise CollectionError(str(error)) from error
            raise
        self._pictures.delete(former - set(kept))

    def remove(self, product_id: str) -> None:
        """Remove a product in one commit.

        Raises:
            HTTPProblem: 404 when there is no product with this id.
        """
        with write_lock(self._folder):
            former = self._images(product_id)
            if not self._collection.remove([product_id]):
                raise unknown(product_id)
            self._pictures.delete(former)

    def _images(self, product_id: str) -> frozenset[str]:
        """Return the paths of a product's pictures; empty if there is no such product."""
        product = self._collection.get(product_id)
        return frozenset(() if product is None else product.images)


def product_routes(service: Service) -> APIRouter:
    """Return the routes that read and change products."""
    routes = APIRouter(prefix=f"{service.base}/products", tags=["products"], route_class=FormRoute)
    products = Products(service)
    changing = [_KEY, Depends(_refuse_unknown_parts)]

    # Before the route of the product, because ids may contain slashes.
    @routes.get(
        "/{product_id:path}/image",
        response_class=Response,
        responses={
            200: {
                "content": {"image/jpeg": {}},
                "description": "The product's first picture as JPEG.",
            },
            **documented(404, 422, 429, 503),
        },
    )
    async def product_image(
        product_id: PathId,
        side: Annotated[int, Query(ge=32, le=1024, description="Longer side in pixels.")] = 480,
    ) -> Response:
        """Get the first picture of a product."""
        picture = await service.reading.do(lambda: products.picture(product_id, side))
        headers = {"Cache-Control": "max-age=60"}
        return Response(picture, media_type="image/jpeg", headers=headers)

    @routes.get("/{product_id:path}", responses=documented(404, 422, 429, 503))
    async def product(product_id: PathId) -> Item:
        """Get a product."""
        return await service.reading.do(lambda: products.read(product_id))

    @routes.put("/{product_id:path}", dependencies=changing, responses=documented(*_REFUSED))
    async def put_product(
        product_id: PathId,
        image: Annotated[
            list[UploadFile],
            File(max_length=MOST_PICTURES, description="One to ten pictures."),
        ],
        name: Fact = "",
        brand: Fact = "",
        category: Fact = "",
        gtin: Fact = "",
        metadata: Annotated[
            str,
            Form(
                max_length=10 * LONGEST,
                description="Additional columns of the catalogue, as a JSON object of strings.",
                examples=['{"shade": "475"}'],
            ),
        ] = "{}",
    ) -> Item:
        """Add or replace a product; later searches find it."""
        check_id(product_id)
        files = [await one.read() for one in image]
        facts = dict(zip(OPTIONAL, (name, brand, category, gtin), strict=True))
        facts |= _further(metadata, service.collection.metadata_columns)
        return await service.writing.do(lambda: products.put(product_id, facts, files))

    @routes.patch("/{product_id:path}", dependencies=changing, responses=documented(404, *_REFUSED))
    async def patch_product(
        product_id: PathId,
        image: Annotated[
            list[UploadFile] | None,
            File(max_length=MOST_PICTURES, description="Pictures that replace the present ones."),
        ] = None,
        name: FactOrNone = None,
        brand: FactOrNone = None,
        category: FactOrNone = None,
        gtin: FactOrNone = None,
        metadata: Annotated[
            str,
            Form(
                max_length=10 * LONGEST,
                description="Additional columns to change, as a JSON object of strings.",
                examples=['{"price": "12.90"}'],
            ),
        ] = "{}",
    ) -> Item:
        """Change what is given of a product; keep what is not given or empty."""
        check_id(product_id)
        files = [await one.read() for one in image or ()]
        given = dict(zip(OPTIONAL, (name, brand, category, gtin), strict=True))
        facts = {column: text for column, text in given.items() if text is not None}
        facts |= _further(metadata, service.collection.metadata_columns)
        return await service.writing.do(lambda: products.patch(product_id, facts, files))

    @routes.delete(
        "/{product_id:path}",
        status_code=204,
        dependencies=[_KEY],
        responses=documented(401, 403, 404, 422, 429, 503),
    )
    async def delete_product(product_id: PathId) -> None:
        """Remove a product; later searches no longer return it."""
        await service.writing.do(lambda: products.remove(product_id))

    return routes


def _further(text: str, columns: Sequence[str]) -> Mapping[str, str]:
    """Return the values of additional columns.

    Raises:
        TableError: when the text is not a JSON object of strings, or a column does not exist.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
        raise TableError('metadata is not a JSON object of strings; send it as {"shade": "475"}')
    for value in values.values():
        check_fact(value)
    if strange := sorted(set(values) - set(columns)):
        raise TableError(
            f"this collection has no column {strange[0]!r}; its additional columns are "
            f"{', '.join(columns) or 'none'}"
        )
    return values
