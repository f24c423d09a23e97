"""`POST /v1/search` and `POST /v1/explain`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Response, UploadFile

from beautylens.errors import ImageError
from beautylens.images.draw import to_png
from beautylens.serve.forms import FormRoute
from beautylens.serve.models import Answer
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.service import Service
from beautylens.serve.texts import FormId

MOST = 50
Image = Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF or GIF.")]
Crop = Annotated[
    str,
    Form(
        max_length=60,
        description="The part that shows the item: `x,y,w,h` in pixels of the upright picture.",
        examples=["120,80,400,900"],
    ),
]


def search_routes(service: Service) -> APIRouter:
    """Return the routes that answer about photos."""
    routes = APIRouter(prefix="/v1", tags=["search"], route_class=FormRoute)

    @routes.post("/search", responses=documented(400, 403, 408, 413, 415, 422, 429, 503))
    async def search(
        image: Image,
        limit: Annotated[int, Form(ge=1, le=MOST, description="Products.")] = 7,
        words: Annotated[
            str, Form(description="Words to narrow by.", examples=["velvet 475"])
        ] = "",
        where: Annotated[
            str,
            Form(description="Condition on the columns.", examples=["brand = 'Aurelle'"]),
        ] = "",
        crop: Crop = "",
    ) -> Answer:
        """Find the products that a photo shows."""
        data = await image.read()

        def answer() -> Answer:
            photo = service.photo(data, words, where, crop)
            matches = service.collection.search(photo, limit)
            service.metrics.searched(matches)
            return Answer.of(matches)

        return await service.searching.do(answer)

    @routes.post(
        "/explain",
        response_class=Response,
        responses={
            200: {"content": {"image/png": {}}, "description": "Photo and product, side by side."},
            **documented(400, 403, 404, 408, 413, 415, 422, 429, 503),
        },
    )
    async def explain(image: Image, product_id: FormId, crop: Crop = "") -> Response:
        """Draw the lines between what a photo and a product's picture have in common."""
        data = await image.read()

        def drawing() -> bytes:
            collection, photo = service.collection, service.photo(data, crop=crop)
            keypoints = collection.explain.keypoints(photo.pixels)
            best = collection.explain.closest(keypoints, product_id)
            if best is None:
                raise unknown(product_id)
            gone = HTTPProblem(
                404, "not-found", f"the picture of product {product_id!r} is there no more"
            )
            if not service.may_show(best.image):
                raise gone
            try:
                return to_png(collection.explain.draw(photo.pixels, keypoints, best))
            except ImageError:
                # The photo has been read: this is the catalogue's own file.
                raise gone from None

        return Response(await service.searching.do(drawing), media_type="image/png")

    return routes


def unknown(product_id: str) -> HTTPProblem:
    """Return the problem of a product that is not there."""
    return HTTPProblem(404, "not-found", f"there is no product {product_id!r} in this collection")
