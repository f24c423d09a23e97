"""`/v1/queries`: searches that were kept, for the owner to review."""

from __future__ import annotations

from typing import Annotated, NoReturn

from fastapi import APIRouter, Form, Path, Query, Response

from beautylens.errors import TableError
from beautylens.serve.forms import FormRoute
from beautylens.serve.kept.queries import KeptQueries
from beautylens.serve.models import KeptSearch, KeptSearches
from beautylens.serve.problems import HTTPProblem, documented
from beautylens.serve.routes.events import unknown_query
from beautylens.serve.routes.search import unknown
from beautylens.serve.service import Service
from beautylens.serve.texts import FormId

PathQueryId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


def query_routes(service: Service) -> APIRouter:
    """Return the routes to list, label and delete kept searches; all need the key."""
    routes = APIRouter(prefix="/v1/queries", tags=["feedback"], route_class=FormRoute)
    errors = documented(400, 401, 403, 404, 408, 413, 415, 422, 429, 503)

    @routes.get("", responses=errors)
    async def queries(
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
    ) -> KeptSearches:
        """List kept searches: first those without a label, of these the unsure ones."""
        searches = _kept(service)

        return await service.reading.do(lambda: _listed(service, searches, limit, offset))

    @routes.get(
        "/{query_id}/photo",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}}}, **errors},
    )
    async def photo(query_id: PathQueryId) -> Response:
        """Return the photo of a kept search."""
        searches = _kept(service)
        data = await service.reading.do(lambda: searches.photo(query_id)) or _missing(query_id)
        return Response(data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @routes.put("/{query_id}", status_code=204, responses=errors)
    async def label(
        query_id: PathQueryId,
        product_id: FormId = "",
        none: Annotated[bool, Form(description="The photo shows none of the products.")] = False,
    ) -> Response:
        """Label a photo, as a row of the truth table that `evaluate` and `train pairs` read."""
        searches = _kept(service)
        if none == bool(product_id):
            raise TableError("send either product_id or none=true")

        def labelled() -> None:
            if product_id and not service.collection.known([product_id]):
                raise unknown(product_id)
            _ = searches.label(query_id, product_id) or _missing(query_id)

        await service.feedback.do(labelled)
        return Response(status_code=204)

    @routes.delete("/{query_id}", status_code=204, responses=errors)
    async def delete(query_id: PathQueryId) -> Response:
        """Delete a kept search with its photo, events and label."""
        searches = _kept(service)
        _ = await service.feedback.do(lambda: searches.delete(query_id)) or _missing(query_id)
        return Response(status_code=204)

    return routes


def _kept(service: Service) -> KeptQueries:
    """Return the kept searches of a server.

    Raises:
        HTTPProblem: 403 when it keeps none.
    """
    if service.kept is None:
        raise HTTPProblem(
            403, "feedback-off", "this server keeps no queries; start it with `--keep-queries DIR`"
        )
    return service.kept


def _missing(query_id: str) -> NoReturn:
    raise unknown_query(query_id)


def _listed(service: Service, searches: KeptQueries, limit: int, offset: int) -> KeptSearches:
    """Return a page of searches, with those of the answered products that still exist."""
    unlabelled, found = searches.listed(limit, offset)
    answered = {product_id for search in found for product_id in search.product_ids}
    products = {product_id: service.collection.get(product_id) for product_id in answered}
    listed = [KeptSearch.of(search, products) for search in found]
    return KeptSearches(unlabelled=unlabelled, queries=listed)
