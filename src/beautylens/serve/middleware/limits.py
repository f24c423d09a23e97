"""What a request may cost before it is understood: bytes of its head and body, and seconds."""

from __future__ import annotations

import asyncio

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beautylens.serve.forms import MEDIA_TYPE
from beautylens.serve.problems import HTTPProblem

# Of a request's address and headers.
HEAD_BYTES = 16_384
HEADERS = 100
# Of a Content-Type.
TYPE_BYTES = 512
WITH_FORMS = frozenset(("POST", "PUT", "PATCH"))
# Bytes of all bodies that a process holds at once.
BUDGET = 256 << 20


class RequestLimits:
    """Refuses heads that are too long, and bodies that are no forms, too large, many or slow.

    Args:
        app: what it stands before.
        max_bytes: of a body.
        seconds: within which all of it has to come.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app, self._max_bytes, self._seconds = app, max_bytes, seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        loop = asyncio.get_running_loop()
        deadline, came, started = loop.time() + self._seconds, 0, False

        async def receive_within() -> Message:
            nonlocal came
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPProblem(
                    408,
                    "too-slow",
                    f"the request did not come within {self._seconds:g} seconds; send it again",
                    {"Connection": "close"},
                ) from None
            size = len(message.get("body", b""))
            came, self._held = came + size, self._held + size
            if came > self._max_bytes:
                raise self._too_large()
            if self._held > BUDGET:
                raise HTTPProblem(
                    429,
                    "busy",
                    "too many pictures come in at once; try again in a few seconds",
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
        # Of digits, one by one: thousands of them are no number to be worked out.
        if length.isdigit() and (len(length) > 15 or int(length) > self._max_bytes):
            raise self._too_large()
        has_body = "transfer-encoding" in headers or length.strip("0")
        if has_body and scope["method"] in WITH_FORMS:
            _check_type(headers.get("content-type", ""))

    def _too_large(self) -> HTTPProblem:
        return HTTPProblem(
            413,
            "too-large",
            f"a request may have at most {self._max_bytes / 1e6:.0f} million bytes; send a "
            "smaller picture",
            {"Connection": "close"},
        )


class HeadAsGet:
    """Answers HEAD as GET is answered; the server itself leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


def _check_size(scope: Scope, headers: Headers) -> None:
    """Refuse heads that are long, or tell two things.

    What reads them further on, on the event loop, takes time by the square of a header's length.
    """
    size = len(scope["raw_path"] or b"") + len(scope["query_string"])
    size += sum(len(name) + len(value) for name, value in headers.raw)
    if size > HEAD_BYTES or len(headers.raw) > HEADERS:
        raise _unread(431, f"the head has more than {HEAD_BYTES} bytes or {HEADERS} headers")
    if "transfer-encoding" in headers and "content-length" in headers:
        # Another server on the way may have believed the one, this one the other.
        raise _unread(400, "the body's length is told in two ways; give Content-Length alone")
    kinds = headers.getlist("content-type")
    if len(kinds) > 1 or len("".join(kinds)) > TYPE_BYTES:
        raise _unread(
            431, f"there is more than one Content-Type, or it has more than {TYPE_BYTES} bytes"
        )


def _check_type(content_type: str) -> None:
    """Refuse bodies that are no forms, and texts in another code than UTF-8.

    Some codes take minutes to be read, and fields between `&` seconds. The parser is that which
    reads the header for the form, so that the two agree.
    """
    kind, parameters = parse_options_header(content_type)
    if kind != MEDIA_TYPE or not parameters.get(b"boundary"):
        raise HTTPProblem(
            415,
            "wrong-request",
            "a body is sent as multipart/form-data, as `curl -F image=@photo.jpg` sends it",
        )
    if parameters.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"us-ascii"):
        raise HTTPProblem(415, "wrong-request", "text comes in UTF-8 here; leave the charset out")


def _unread(status: int, detail: str) -> HTTPProblem:
    """Return the problem of a request after which nothing more of its connection is read."""
    return HTTPProblem(status, "wrong-request", detail, {"Connection": "close"})
