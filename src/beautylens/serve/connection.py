"""Limits of a connection: timeouts of request and response, and time of the event loop."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from beautylens.serve.middleware.headers import SECURITY
from beautylens.serve.middleware.limits import HEAD_BYTES
from beautylens.serve.problems import HTTPProblem

HEAD_SECONDS = 10.0
LINGER_SECONDS = 2.0
# Connections of a process that get responses; above it 503, above five quarters of it closed.
CONNECTIONS = 512
# Time within which a client must read some of its response.
STALL_SECONDS = 10.0
# Time within which a client must read all of its response.
ANSWER_SECONDS = 120.0
# CPU time of the event loop that parsing a request may take; 20 MiB take a tenth of it.
READING_SECONDS = 0.5
# Least mean size in bytes of the chunks of a chunked body, over a thousand chunks.
CHUNK_BYTES = 64
_READ_AT_ONCE = 1 << 14


class Connection(H11Protocol):
    """A connection with timeouts for the request's headers and for reading the response.

    uvicorn itself has no timeout for headers, for a body that goes on after its response, or for a
    response that is not read, so that a few idle connections could use up all of them.
    """

    _head: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _unsent, _unsent_since, _moved = 0, 0.0, False
    _read_seconds, _lines, _wire = 0.0, 0, 0

    @property
    def app(self) -> Any:
        """The application: the service, or 503 while there are too many connections."""
        return _busy if len(self.connections) > CONNECTIONS else self._app

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # given nothing else
        """Start the timeout of the first headers."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS * 5 // 4:
            transport.abort()
            return
        # So little that parsing it never delays the other connections.
        transport.max_size = _READ_AT_ONCE  # type: ignore[attr-defined]  # asyncio's own have it
        self._start_head_timeout()

    def data_received(self, data: bytes) -> None:
        """Parse bytes; stop the timeout once the headers are complete."""
        if self._has_tiny_chunks(data):
            self.transport.abort()
            return
        start = time.thread_time()
        super().data_received(data)
        self._read_seconds += time.thread_time() - start
        if self._read_seconds > READING_SECONDS:
            self.transport.abort()
        elif self.conn.their_state is h11.IDLE:
            self._start_head_timeout()
        elif self._head is not None:
            self._head.cancel()
            self._head = None

    def on_response_complete(self) -> None:
        """Close the connection shortly after an early response, if the client goes on sending."""
        super().on_response_complete()
        self._read_seconds, self._lines, self._wire = 0.0, 0, 0
        self._start_read_timeout()
        answered = self.cycle

        def close() -> None:
            if self.cycle is answered and self.conn.their_state is h11.SEND_BODY:
                self.transport.close()

        if self.conn.their_state is h11.SEND_BODY:
            self.loop.call_later(LINGER_SECONDS, close)

    def send_400_response(self, msg: str) -> None:
        """Respond to bytes that are not HTTP with a problem document, as to any other error."""
        problem = HTTPProblem(
            400,
            "wrong-request",
            f"the request is not HTTP, or has more than {HEAD_BYTES} bytes of headers; correct it",
            SECURITY | {"Connection": "close"},
        )
        response = problem.response()
        event = h11.Response(status_code=400, headers=response.raw_headers, reason=b"Bad Request")
        for part in (event, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(part) or b"")
        self.transport.close()
        self._start_read_timeout()

    def pause_writing(self) -> None:
        """Start the timeout of a client that reads its response too slowly."""
        super().pause_writing()
        self._start_read_timeout()

    def resume_writing(self) -> None:
        """Note that the client has read something."""
        super().resume_writing()
        self._moved = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timeouts."""
        super().connection_lost(exc)
        for timer in (self._head, self._writing):
            if timer is not None:
                timer.cancel()

    def _has_tiny_chunks(self, data: bytes) -> bool:
        """Return whether a chunked body has chunks of a few bytes, whose parsing costs too much.

        Two line ends frame a chunk; counting them is cheaper than parsing.
        """
        if self.conn.their_state is h11.SEND_BODY and b"transfer-encoding" in dict(self.headers):
            self._lines += data.count(b"\r\n")
            self._wire += len(data)
        return self._lines > 2000 and self._lines * CHUNK_BYTES > 2 * self._wire

    def _start_head_timeout(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _start_read_timeout(self) -> None:
        """Check at intervals whether the client reads its response."""
        unsent = self.transport.get_write_buffer_size()
        if self._writing is None and unsent:
            self._unsent, self._unsent_since, self._moved = unsent, self.loop.time(), False
            self._writing = self.loop.call_later(STALL_SECONDS, self._check_reading)

    def _check_reading(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self._writing = None
        if not unsent:
            return
        stalled = unsent >= self._unsent and not self._moved
        if stalled or self.loop.time() - self._unsent_since > ANSWER_SECONDS:
            self.transport.abort()
            return
        self._unsent, self._moved = unsent, False
        self._writing = self.loop.call_later(STALL_SECONDS, self._check_reading)


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with 503 while there are too many connections."""
    problem = HTTPProblem(
        503,
        "busy",
        "too many connections; try again in a few seconds",
        SECURITY | {"Retry-After": "5", "Connection": "close"},
    )
    answer: ASGIApp = problem.response()
    await answer(scope, receive, send)
