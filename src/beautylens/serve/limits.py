"""What a request may cost before it is understood: bytes and seconds of its body and head."""

from __future__ import annotations

import asyncio
from email.message import Message

import h11
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Event
from uvicorn.protocols.http.h11_impl import H11Protocol

from beautylens.serve.problems import Refusal

HEAD_SECONDS = 10.0
LINGER_SECONDS = 2.0
BUDGET = 256 << 20
"""Bytes of all bodies that a process holds at once."""


class BodyLimits:
    """Refuses bodies that are too large, too many, too slow, or written in rare letters.

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
        length = headers.get("content-length", "")
        loop = asyncio.get_running_loop()
        deadline, came, started = loop.time() + self._seconds, 0, False

        async def receive_within() -> Event:
            nonlocal came
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Refusal(
                    408, "too-slow",
                    f"the request did not come within {self._seconds:g} seconds; send it again",
                    {"Connection": "close"},
                ) from None  # fmt: skip
            size = len(message.get("body", b""))
            came, self._held = came + size, self._held + size
            if came > self._max_bytes:
                raise self._too_large()
            if self._held > BUDGET:
                raise Refusal(
                    429, "busy", "too many pictures come in at once; try again in a few seconds",
                    {"Retry-After": "5", "Connection": "close"},
                )  # fmt: skip
            return message

        async def send_noting(message: Event) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            _check_letters(headers.get("content-type", ""))
            # Of digits, one by one: thousands of them are no number to be worked out.
            if length.isdigit() and (len(length) > 15 or int(length) > self._max_bytes):
                raise self._too_large()
            await self._app(scope, receive_within, send_noting)
        except Refusal as refusal:
            if started:
                raise
            await refusal.response()(scope, receive, send)
        finally:
            self._held -= came

    def _too_large(self) -> Refusal:
        return Refusal(
            413, "too-large",
            f"a request may have at most {self._max_bytes / 1e6:.0f} million bytes; send a "
            "smaller picture",
            {"Connection": "close"},
        )  # fmt: skip


class HeadAsGet:
    """Answers HEAD as GET is answered; the server itself leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


def _check_letters(content_type: str) -> None:
    """Refuse texts in another code than UTF-8: some take minutes to be read."""
    charset = Message()
    charset["content-type"] = content_type
    if charset.get_content_charset("utf-8") not in ("utf-8", "us-ascii"):
        raise Refusal(415, "wrong-request", "text comes in UTF-8 here; leave the charset out")


class Connection(H11Protocol):
    """A connection that is closed when the head of a request does not come in time.

    uvicorn itself waits for it for ever, and for a body after its answer, so that a few idle
    connections could use up all there may be.
    """

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # given nothing else
        """Start to wait for the first head."""
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; wait no more once the head is whole."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._expect_head()
        elif self._head is not None:
            self._head.cancel()
            self._head = None

    def on_response_complete(self) -> None:
        """Give a client that was answered early a moment to stop sending."""
        super().on_response_complete()
        answered = self.cycle

        def close() -> None:
            if self.cycle is answered and self.conn.their_state is h11.SEND_BODY:
                self.transport.close()

        if self.conn.their_state is h11.SEND_BODY:
            self.loop.call_later(LINGER_SECONDS, close)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        if self._head is not None:
            self._head.cancel()

    def _expect_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.close)
