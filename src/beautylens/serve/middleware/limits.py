"""Limits of requests before they are parsed: size of headers and body, and time."""

from __future__ import annotations

import asyncio

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beautylens.serve.forms import JSON_TYPE, MEDIA_TYPE
from beautylens.serve.problems import HTTPProblem

# Maximum bytes of URL and headers.
HEAD_BYTES = 16_384
HEADERS = 100
# Maximum bytes of Content-Type.
TYPE_BYTES = 512
WITH_FORMS = frozenset(("POST", "PUT", "PATCH"))
# Maximum bytes of all bodies in memory of a process.
BUDGET = 256 << 20


class RequestLimits:
    """Checks headers, and the type, size, number and speed of bodies.

    Args:
        app: the application behind it.
        max_bytes: maximum size of a body.
        seconds: timeout of receiving a body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app, self._max_bytes, self._seconds = app, max_bytes, seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        loop = asyncio.get_running_loop()
        deadline, came, started = loop.time() + self._seconds, 0, False
        complete = False

        async def receive_within() -> Message:
            nonlocal came, complete
            try:
                # A streamed response waits there for the client to disconnect.
                async with asyncio.timeout_at(None if complete else deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPProblem(
                    408,
                    "too-slow",
                    f"the request was not received within {self._seconds:g} seconds; send it again",
                    {"Connection": "close"},
                ) from None
            complete = not message.get("more_body", False)
            size = len(message.get("body", b""))
            came, self._held = came + size, self._held + size
            if came > self._max_bytes:
                raise self._too_large()
            if self._held > BUDGET:
                raise HTTPProblem(
                    429,
                    "busy",
                    "too many uploads at once; try again in a few seconds",
                    {"Retry-After": "5", "Connection": "close"},
                )
            return message

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            self._check_head(scope, headers)
            await self._app(scope, receive_within, send_noting)
        except HTTPProblem as problem:
            if started:
                raise
            await problem.response()(scope, receive, send)
        finally:
            self._held -= came

    def _check_head(self, scope: Scope, headers: Headers) -> None:
        _check_size(scope, headers)
        length = headers.get("content-length", "")
        # Parsing a number of thousands of digits would take long.
        if length.isdigit() and (len(length) > 15 or int(length) > self._max_bytes):
            raise self._too_large()
        has_body = "transfer-encoding" in headers or length.strip("0")
        if has_body and scope["method"] in WITH_FORMS:
            _check_type(headers.get("content-type", ""))

    def _too_large(self) -> HTTPProblem:
        return HTTPProblem(
            413,
            "too-large",
            f"the request has more than {self._max_bytes >> 20} MiB; send a smaller picture",
            {"Connection": "close"},
        )


class HeadAsGet:
    """Handles HEAD like GET; the HTTP server omits the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


def _check_size(scope: Scope, headers: Headers) -> None:
    """Check that headers are short and unambiguous.

    Later parsing, on the event loop, takes quadratic time in the length of a header.
    """
    size = len(scope["raw_path"] or b"") + len(scope["query_string"])
    size += sum(len(name) + len(value) for name, value in headers.raw)
    if size > HEAD_BYTES or len(headers.raw) > HEADERS:
        raise _unread(
            431,
            f"the request has more than {HEADERS} headers, or more than {HEAD_BYTES} bytes of them",
        )
    if "transfer-encoding" in headers and "content-length" in headers:
        # A proxy may have used the one, and this server would use the other.
        raise _unread(
            400, "Content-Length and Transfer-Encoding conflict; send Content-Length only"
        )
    kinds = headers.getlist("content-type")
    if len(kinds) > 1 or len("".join(kinds)) > TYPE_BYTES:
        raise _unread(431, f"send one Content-Type of at most {TYPE_BYTES} bytes")


def _check_type(content_type: str) -> None:
    """Check that a body is a multipart form or JSON in UTF-8.

    Decoding some other charsets takes minutes, and parsing urlencoded fields takes seconds. The
    header is parsed by the same function as for the form, so that both agree.
    """
    kind, parameters = parse_options_header(content_type)
    if kind != JSON_TYPE and (kind != MEDIA_TYPE or not parameters.get(b"boundary")):
        raise HTTPProblem(
            415,
            "wrong-request",
            "send the body as multipart/form-data, as `curl -F image=@photo.jpg` does, or as "
            'application/json: {"image": "<base64>"}',
        )
    if parameters.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"us-ascii"):
        raise HTTPProblem(415, "wrong-request", "send text in UTF-8, without a charset")


def _unread(status: int, detail: str) -> HTTPProblem:
    """Return a problem after which the connection is closed."""
    return HTTPProblem(status, "wrong-request", detail, {"Connection": "close"})
