"""`POST /v1/search/batch`: many photos in one request, answers as JSON Lines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import StreamingResponse

from beautylens.results import Matches
from beautylens.serve.forms import BASE64, FormRoute, json_form
from beautylens.serve.models import Answer, BatchLine
from beautylens.serve.paging import MOST, Page
from beautylens.serve.problems import documented, problem_of
from beautylens.serve.service import Service

MOST_PHOTOS = 32


class JsonLines(StreamingResponse):
    """A stream of JSON documents, one a line."""

    media_type = "application/jsonl"


def batch_routes(service: Service) -> APIRouter:
    """Return the route for many photos."""
    routes = APIRouter(prefix=service.base, tags=["search"], route_class=FormRoute)

    @routes.post(
        "/search/batch",
        response_class=JsonLines,
        form_limits={"max_files": MOST_PHOTOS},
        dependencies=service.read_security,
        openapi_extra=json_form(
            {"image": {"type": "array", "items": BASE64, "minItems": 1, "maxItems": MOST_PHOTOS}},
            required=("image",),
        ),
        responses={
            200: {"model": BatchLine, "description": "JSON Lines, one for each photo, in order."},
            **documented(400, 401, 403, 408, 413, 415, 422, 429, 503),
        },
    )
    async def search_batch(
        request: Request,
        image: Annotated[
            list[UploadFile],
            File(max_length=MOST_PHOTOS, description=f"One to {MOST_PHOTOS} photos."),
        ],
        limit: Annotated[int, Form(ge=1, le=MOST, description="Products for each photo.")] = 7,
        where: Annotated[
            str, Form(description="Filter on catalogue columns.", examples=["brand = 'Aurelle'"])
        ] = "",
    ) -> JsonLines:
        """Find the products that each of many photos shows.

        A photo that cannot be read gets a line with its problem, and the others are searched.
        """
        service.check_texts("", where)
        photos, page = [await each.read() for each in image], Page(limit)
        service.count_further_photos(request.headers, len(photos) - 1)
        return JsonLines(_lines(service, photos, page, where))

    return routes


async def _lines(
    service: Service, photos: Sequence[bytes], page: Page, where: str
) -> AsyncIterator[str]:
    """Yield the line of each photo in order, while later ones are searched."""

    def answer(photo: bytes, query_id: str) -> tuple[Matches, Answer]:
        query = service.photo(photo, where=where)
        matches = service.collection.candidates(query, page.least)
        service.searched(matches)
        return matches, Answer.of(matches, query_id, page, service.base)

    async def line(index: int, photo: bytes) -> str:
        async with service.batches:
            try:
                query_id = uuid4().hex
                matches, found = await service.searching.do(lambda: answer(photo, query_id))
            except Exception as error:  # noqa: BLE001  (the line says so, and the log)
                problem = problem_of(error).document()
                return _json(BatchLine(index=index, answer=None, problem=problem))
        await service.keep(matches, found)
        return _json(BatchLine(index=index, answer=found, problem=None))

    tasks = [asyncio.create_task(line(*numbered)) for numbered in enumerate(photos)]
    try:
        for task in tasks:
            yield await task
    finally:
        # The client may have left.
        for task in tasks:
            task.cancel()


def _json(line: BatchLine) -> str:
    return line.model_dump_json() + "\n"
