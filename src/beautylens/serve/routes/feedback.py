"""`POST /v1/feedback`: stores which product a photo shows, according to the user."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.errors import TableError
from beautylens.serve.forms import FormRoute
from beautylens.serve.kept.answers import Answers
from beautylens.serve.kept.photos import encoded_photo
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.routes.search import Crop, Image, unknown
from beautylens.serve.service import Service
from beautylens.serve.texts import FormId


def feedback_routes(service: Service) -> APIRouter:
    """Return the route for feedback."""
    routes = APIRouter(prefix="/v1", tags=["feedback"], route_class=FormRoute)

    @routes.post(
        "/feedback",
        status_code=204,
        dependencies=service.read_security,
        responses=documented(400, 401, 403, 404, 408, 413, 415, 422, 429, 503, 507),
    )
    async def feedback(
        image: Image,
        product_id: FormId = "",
        none: Annotated[bool, Form(description="The photo shows none of the products.")] = False,
        crop: Crop = "",
    ) -> Response:
        """Store a photo and the product it shows, as labelled data for training and evaluation."""
        if service.settings.keep is None:
            raise HTTPProblem(
                403,
                "feedback-off",
                "this server does not store feedback; start it with `--keep-queries DIR`",
            )
        if none == bool(product_id):
            raise TableError("send either product_id or none=true")
        if SEPARATOR in product_id:
            raise TableError(
                f"product_id contains {SEPARATOR!r}, which separates ids in truth tables; remove it"
            )
        answers, data = Answers(service.settings.keep), await image.read()

        def encoded() -> bytes:
            if product_id and not service.collection.known([product_id]):
                raise unknown(product_id)
            return encoded_photo(service.photo(data, crop=crop).pixels)

        photo = await service.searching.do(encoded)
        await service.feedback.do(lambda: answers.keep(photo, product_id))
        return Response(status_code=204)

    return routes
