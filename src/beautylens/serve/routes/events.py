"""`POST /v1/events`: what a person did with the answer of a search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response

from beautylens.catalogue.json_tables import SEPARATOR
from beautylens.errors import TableError
from beautylens.serve.forms import FormRoute
from beautylens.serve.kept.queries import Event
from beautylens.serve.paging import MOST
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.routes.search import unknown
from beautylens.serve.service import Service
from beautylens.serve.texts import FormId

QueryId = Annotated[
    str,
    Form(pattern=r"^[0-9a-f]{32}$", description="`query_id` of the answer."),
]


def event_routes(service: Service) -> APIRouter:
    """Return the route for events."""
    routes = APIRouter(prefix=service.base, tags=["feedback"], route_class=FormRoute)

    @routes.post(
        "/events",
        status_code=204,
        dependencies=service.read_security,
        responses=documented(400, 401, 404, 408, 413, 415, 422, 429, 503),
    )
    async def events(
        query_id: QueryId,
        event: Annotated[
            Event,
            Form(
                description="`click`: looked at the product; `cart`: put it into the cart; "
                "`correct`: the photo shows it; `none`: it shows none of the products."
            ),
        ],
        product_id: FormId = "",
        rank: Annotated[
            int | None, Form(ge=1, le=MOST, description="Position in the answer, from 1.")
        ] = None,
    ) -> Response:
        """Count what a person did with an answer, and store it if the server keeps queries."""
        if (event == "none") == bool(product_id):
            raise TableError("send product_id with every event but `none`, which has no product")
        if SEPARATOR in product_id:
            raise TableError(f"product_id contains {SEPARATOR!r}; send one product for each event")
        kept = service.kept

        def noted() -> None:
            if product_id and not service.collection.known([product_id]):
                raise unknown(product_id)
            service.metrics.happened(event, rank)
            # Searches by words alone are not kept, nor are those that are too old.
            noted = kept is None or kept.note(query_id, event, product_id)
            if not noted and event in ("correct", "none"):
                raise unknown_query(query_id)

        await service.feedback.do(noted)
        return Response(status_code=204)

    return routes


def unknown_query(query_id: str) -> HTTPProblem:
    """Return the problem for a search that is not kept, or no longer."""
    return HTTPProblem(404, "not-found", f"no kept search {query_id!r} on this server")
