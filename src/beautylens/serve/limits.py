"""What a request may cost before it is understood: bytes and seconds of its body and head."""

from __future__ import annotations

import asyncio

import h11
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from beautylens.serve.problems import Refusal

HEAD_SECONDS = 10.0


class BodyLimits:
    """Refuses bodies that are too large or come too slowly.

    Args:
        app: what it stands before.
        max_bytes: of a body.
        seconds: within which all of it has to come.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app, self._max_bytes, self._seconds = app, max_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        loop = asyncio.get_running_loop()
        deadline, came, started = loop.time() + self._seconds, 0, False

        async def receive_within() -> Message:
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
            came += len(message.get("body", b""))
            if came > self._max_bytes:
                raise self._too_large()
            return message

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            if length.isdigit() and int(length) > self._max_bytes:
                raise self._too_large()
            await self._app(scope, receive_within, send_noting)
        except Refusal as refusal:
            if started:
                raise
            await refusal.response()(scope, receive, send)

    def _too_large(self) -> Refusal:
        return Refusal(
            413, "too-large",
            f"a request may have at most {self._max_bytes / 1e6:.0f} million bytes; send a "
            "smaller picture",
            {"Connection": "close"},
        )  # fmt: skip


class Connection(H11Protocol):
    """A connection that is closed when the head of a request does not come in time.

    uvicorn itself waits for it for ever, so that a few idle connections could use up all there
    may be.
    """

    _head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
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

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        if self._head is not None:
            self._head.cancel()

    def _expect_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.close)
