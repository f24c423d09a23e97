"""Refusals as problem documents (RFC 9457): what, why, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from beautylens.errors import (
    BeautylensError,
    CollectionError,
    ImageError,
    QueryError,
    TableError,
)
from beautylens.inputs.unicode_text import on_one_line
from beautylens.serve.middleware.headers import SECURITY

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A problem, as RFC 9457 has it."""

    type: str = Field(examples=["urn:beautylens:unreadable-picture"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        examples=["the photo holds no known picture; give a JPEG, PNG, WebP, HEIC or AVIF file"]
    )


class HTTPProblem(HTTPException):
    """A request that is not answered, and why.

    Args:
        status: of HTTP.
        kind: what programs know it by.
        detail: one sentence for a person.
        headers: to send with it.
    """

    def __init__(
        self, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind = kind

    def response(self) -> JSONResponse:
        """Return the problem document."""
        problem = Problem(
            type=f"urn:beautylens:{self.kind}",
            title=HTTPStatus(self.status_code).phrase,
            status=self.status_code,
            detail=self.detail,
        )
        return JSONResponse(
            problem.model_dump(), self.status_code, headers=self.headers, media_type=MEDIA_TYPE
        )


# Errors whose sentence is about what was sent. Others name folders and files of the server's own:
# its log has them, the client is told no more than that.
_ABOUT_WHAT_WAS_SENT: dict[type[BeautylensError], str] = {
    ImageError: "unreadable-picture",
    QueryError: "unknown-query",
    TableError: "wrong-product",
}
_LOG = logging.getLogger("beautylens.serve")

_KINDS = {404: "not-found", 405: "method-not-allowed"}


def handle_problems(app: FastAPI) -> None:
    """Have every error of an app end in a problem document."""
    app.add_exception_handler(BeautylensError, _of_error)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_fault)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what the API's description says of these refusals."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
        }
        for status in statuses
    }


def _of_error(request: Request, error: Exception) -> JSONResponse:
    kind = _ABOUT_WHAT_WAS_SENT.get(type(error))  # type: ignore[arg-type]  # only those are known
    if kind is not None:
        return HTTPProblem(422, kind, str(error)).response()
    _LOG.error("%s", on_one_line(str(error)))
    if isinstance(error, CollectionError):
        return HTTPProblem(
            503,
            "collection-unavailable",
            "the collection cannot be read or changed now; the server's log says why",
        ).response()
    return _of_fault(request, error)


def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (what it was registered for)
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"][1:]) or "the request"
    if place == "image":
        detail = "image: there is no such part; send one, as `curl -F image=@photo.jpg` does"
        return HTTPProblem(422, "wrong-request", detail).response()
    message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
    detail = f"{place}: {message[:1].lower()}{message[1:]}; /docs shows what is asked for"
    return HTTPProblem(422, "wrong-request", detail).response()


def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (what it was registered for)
    if isinstance(error, HTTPProblem):
        return error.response()
    kind = _KINDS.get(error.status_code, "wrong-request")
    detail = f"{error.detail.lower()}; /docs lists what there is"
    return HTTPProblem(error.status_code, kind, detail, error.headers).response()


def _of_fault(_: Request, error: Exception) -> JSONResponse:
    """Say nothing of what went wrong inside; the server's own log has it."""
    # This one leaves past the guard.
    return HTTPProblem(500, "fault", "the server failed; its log says why", SECURITY).response()
