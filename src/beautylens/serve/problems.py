"""Errors as problem documents (RFC 9457)."""

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
from beautylens.serve.log import REQUEST
from beautylens.serve.middleware.headers import SECURITY

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """An error as a problem document (RFC 9457)."""

    type: str = Field(examples=["urn:beautylens:unreadable-picture"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        examples=["the photo holds no known picture; give a JPEG, PNG, WebP, HEIC or AVIF file"]
    )


class HTTPProblem(HTTPException):
    """An error response.

    Args:
        status: HTTP status.
        kind: last part of the problem's `type`, for programs.
        detail: one sentence for people: what, why, and what to do.
        headers: additional headers.
        cause: what the log says of an error of the server; by default `detail`.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        cause: str = "",
    ) -> None:
        super().__init__(status, detail, dict(headers or {}))
        self.kind, self.cause = kind, cause or detail

    def document(self) -> Problem:
        """Return the problem document, and log an error of the server."""
        if self.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("%d %s: %s", self.status_code, self.kind, self.cause)
        return Problem(
            type=f"urn:beautylens:{self.kind}",
            title=HTTPStatus(self.status_code).phrase,
            status=self.status_code,
            detail=self.detail,
        )

    def response(self) -> JSONResponse:
        """Return the response with the problem document."""
        document = self.document().model_dump()
        return JSONResponse(document, self.status_code, headers=self.headers, media_type=MEDIA_TYPE)


# Errors about the request, whose messages are sent to the client. Others may contain paths of the
# server and are only logged.
_REQUEST_ERRORS: dict[type[BeautylensError], str] = {
    ImageError: "unreadable-picture",
    QueryError: "unknown-query",
    TableError: "wrong-product",
}
_LOG = logging.getLogger("beautylens.serve")

_KINDS = {404: "not-found", 405: "method-not-allowed"}


def handle_problems(app: FastAPI) -> None:
    """Let an app respond to every error with a problem document."""
    app.add_exception_handler(BeautylensError, _of_error)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_fault)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of these error responses."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
        }
        for status in statuses
    }


def problem_of(error: Exception) -> HTTPProblem:
    """Return the error response of an exception; of a fault it says no details."""
    if isinstance(error, HTTPProblem):
        return error
    kind = _REQUEST_ERRORS.get(type(error))  # type: ignore[arg-type]  # only those are known
    if kind is not None:
        return HTTPProblem(422, kind, str(error))
    if isinstance(error, CollectionError):
        return HTTPProblem(
            503,
            "collection-unavailable",
            "the collection cannot be read or changed at the moment; see the server's log",
            cause=str(error),
        )
    cause = f"{type(error).__name__}: {error}"
    return HTTPProblem(500, "fault", "internal error; see the server's log", cause=cause)


def _of_error(_: Request, error: Exception) -> JSONResponse:
    return problem_of(error).response()


def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (registered for it)
    fault = error.errors()[0]
    field = ".".join(str(part) for part in fault["loc"][1:]) or "the request"
    if field == "image":
        detail = "image: missing; send a file in a part of this name, as `curl -F image=@photo.jpg`"
        return HTTPProblem(422, "wrong-request", detail).response()
    message = str(fault["msg"]).removeprefix("Value error, ").rstrip(".")
    detail = f"{field}: {message[:1].lower()}{message[1:]}; see /docs"
    return HTTPProblem(422, "wrong-request", detail).response()


def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (registered for it)
    if isinstance(error, HTTPProblem):
        return error.response()
    kind = _KINDS.get(error.status_code, "wrong-request")
    detail = f"{error.detail.lower()}; see /docs for all paths and methods"
    return HTTPProblem(error.status_code, kind, detail, error.headers).response()


def _of_fault(_: Request, error: Exception) -> JSONResponse:
    """Respond without details, which are only logged."""
    # This response does not pass the middleware, which adds the headers to others.
    request = REQUEST.get()
    response = problem_of(error).response()
    for name, value in SECURITY.items():
        response.headers[name] = value
    if request:
        response.headers["X-Request-ID"] = request.request_id
    return response
