"""Refusals as problem documents (RFC 9457): what, why, and what to do about it."""

from __future__ import annotations

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

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A refusal, as RFC 9457 has it."""

    type: str = Field(examples=["urn:beautylens:unreadable-picture"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(
        examples=["the photo holds no known picture; give a JPEG, PNG, WebP, HEIC or AVIF file"]
    )


class Refusal(HTTPException):
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


# What the errors of a search mean to a client; the nearest class counts.
_REFUSALS: dict[type[BeautylensError], tuple[int, str]] = {
    ImageError: (422, "unreadable-picture"),
    QueryError: (422, "unknown-query"),
    TableError: (422, "wrong-product"),
    CollectionError: (503, "collection-unavailable"),
    BeautylensError: (500, "fault"),
}

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


def _of_error(_: Request, error: Exception) -> JSONResponse:
    status, kind = next(said for kind, said in _REFUSALS.items() if isinstance(error, kind))
    return Refusal(status, kind, str(error)).response()


def _of_validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  (what it was registered for)
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"][1:]) or "the request"
    message = str(fault["msg"]).rstrip(".")
    detail = f"{place}: {message[:1].lower()}{message[1:]}; /docs shows what is asked for"
    return Refusal(422, "wrong-request", detail).response()


def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  (what it was registered for)
    if isinstance(error, Refusal):
        return error.response()
    kind = _KINDS.get(error.status_code, "wrong-request")
    detail = f"{error.detail.lower()}; /docs lists what there is"
    return Refusal(error.status_code, kind, detail, error.headers).response()


def _of_fault(_: Request, error: Exception) -> JSONResponse:
    """Say nothing of what went wrong inside; the server's own log has it."""
    return Refusal(500, "fault", "the server failed; its log says why").response()
