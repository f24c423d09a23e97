"""`POST /v1/search` and `POST /v1/explain`."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, BackgroundTasks, File, Form, Request, Response, UploadFile

from beautylens.errors import ImageError
from beautylens.images.draw import to_png
from beautylens.results import Matches
from beautylens.search.together import MOST_PHOTOS
from beautylens.serve.forms import BASE64, FormRoute, json_form
from beautylens.serve.log import REQUEST
from beautylens.serve.models import Answer
from beautylens.serve.paging import MOST, Page
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.service import Service
from beautylens.serve.texts import LONGEST, FormId

Image = Annotated[UploadFile, File(description="JPEG, PNG, WebP, HEIC, AVIF or GIF.")]
IMAGES = {"oneOf": [BASE64, {"type": "array", "items": BASE64, "maxItems": MOST_PHOTOS}]}
Images = Annotated[
    list[UploadFile] | None,
    File(
        max_length=MOST_PHOTOS,
        description=f"JPEG, PNG, WebP, HEIC, AVIF or GIF; up to {MOST_PHOTOS} photos of the same "
        "product, whose evidence is added up. Without any, `words` are searched for.",
    ),
]
Crop = Annotated[
    str,
    Form(
        max_length=60,
        description="Region of the product: `x,y,w,h` in pixels of the upright picture.",
        examples=["120,80,400,900"],
    ),
]


def search_routes(service: Service) -> APIRouter:
    """Return the routes for searching."""
    routes = APIRouter(prefix=service.base, tags=["search"], route_class=FormRoute)

    @routes.post(
        "/search",
        responses=documented(400, 401, 403, 408, 413, 415, 422, 429, 503),
        dependencies=service.read_security,
        openapi_extra=json_form({"image": IMAGES, "limit": {"type": "integer", "default": 7}}),
    )
    async def search(
        request: Request,
        after: BackgroundTasks,
        image: Images = None,
        limit: Annotated[int, Form(ge=1, le=MOST, description="Number of products.")] = 7,
        words: Annotated[
            str,
            Form(
                description="Words of the product's name that help the search. Without a photo "
                "the products with most of them are returned, without a verdict.",
                examples=["velvet 475"],
            ),
        ] = "",
        where: Annotated[
            str,
            Form(description="Filter on catalogue columns.", examples=["brand = 'Aurelle'"]),
        ] = "",
        crop: Crop = "",
        offset: Annotated[
            int,
            Form(ge=0, lt=MOST, description=f"Products to skip; with `limit` at most {MOST}."),
        ] = 0,
        sort: Annotated[
            str,
            Form(
                max_length=LONGEST,
                description="Column that orders the candidates instead of their probability, such "
                "as `price`, or `-price` for the largest first. Numbers are compared as numbers, "
                "and empty values come last.",
            ),
        ] = "",
        facets: Annotated[
            str,
            Form(
                max_length=LONGEST,
                description="Columns, separated by commas, whose values are counted among all "
                "candidates, whatever `limit` is.",
                examples=["brand,category"],
            ),
        ] = "",
    ) -> Answer:
        """Find the products that a photo shows, or that words name."""
        given = [await each.read() for each in image or ()]
        service.count_further_photos(request.headers, max(0, len(given) - 1))
        query_id = uuid4().hex

        def found() -> tuple[Matches, Answer]:
            page = Page.parse(limit, offset, sort, facets, service.columns)
            if given:
                matches = service.by_photos(given, words, page.least, where, crop)
            else:
                matches = service.by_words(words, page.least, where, crop)
            service.searched(matches)
            if (record := REQUEST.get()) is not None:
                record.verdict, record.milliseconds = matches.verdict, matches.milliseconds
            return matches, Answer.of(matches, query_id, page, service.base)

        matches, answer = await service.searching.do(found)
        after.add_task(service.keep, matches, answer)
        return answer

    @routes.post(
        "/explain",
        dependencies=service.read_security,
        response_class=Response,
        responses={
            200: {
                "content": {"image/png": {}},
                "description": "Photo and catalogue picture with matching keypoints.",
            },
            **documented(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        },
    )
    async def explain(image: Image, product_id: FormId, crop: Crop = "") -> Response:
        """Draw the keypoint matches between a photo and the picture of a product."""
        data = await image.read()

        def drawing() -> bytes:
            collection, photo = service.collection, service.photo(data, crop=crop)
            keypoints = collection.explain.keypoints(photo.pixels)
            best = collection.explain.closest(keypoints, product_id)
            if best is None:
                raise unknown(product_id)
            gone = HTTPProblem(
                404, "not-found", f"the picture of product {product_id!r} is not available"
            )
            if not service.may_show(best.image):
                raise gone
            try:
                return to_png(collection.explain.draw(photo.pixels, keypoints, best))
            except ImageError:
                # The photo was read before, so this is the catalogue picture.
                raise gone from None

        return Response(await service.searching.do(drawing), media_type="image/png")

    return routes


def unknown(product_id: str) -> HTTPProblem:
    """Return the problem for an unknown product."""
    return HTTPProblem(404, "not-found", f"no product {product_id!r} in this collection")
