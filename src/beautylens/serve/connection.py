"""What a connection may cost: seconds to come and to be answered, and time of the event loop."""

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
# Of one process that are answered at once; more are told to come back, still more are closed.
CONNECTIONS = 512
# Within which a client has to take some of its answer.
STALL_SECONDS = 10.0
# Within which a client has to take all of its answer.
ANSWER_SECONDS = 120.0
# Of the event loop's own time that the bytes of a request may cost; 20 MiB cost a tenth of it.
READING_SECONDS = 0.5
# Of a body that comes in chunks, how many a chunk has to have on the average of a thousand.
CHUNK_BYTES = 64
_READ_AT_ONCE = 1 << 14


class Connection(H11Protocol):
    """A connection whose client has to send, and to take its answers, in time.

    uvicorn itself waits for ever for a head, for a body after its answer and for an answer to be
    taken, so that a few idle connections could use up all there may be.
    """

    _head: asyncio.TimerHandle | None = None
    _writing: asyncio.TimerHandle | None = None
    _unsent, _unsent_since, _moved = 0, 0.0, False
    _read_seconds, _lines, _wire = 0.0, 0, 0

    @property
    def app(self) -> Any:
        """What answers: the service, or while there are too many connections, its problem."""
        return _busy if len(self.connections) > CONNECTIONS else self._app

    @app.setter
    def app(self, app: Any) -> None:
        self._app = app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # given nothing else
        """Start to wait for the first head."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS * 5 // 4:
            transport.abort()
            return
        # So little that reading it never holds up the other connections.
        transport.max_size = _READ_AT_ONCE  # type: ignore[attr-defined]  # asyncio's own have it
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; wait no more once the head is whole."""
        if self._is_crumbled(data):
            self.transport.abort()
            return
        start = time.thread_time()
        super().data_received(data)
        self._read_seconds += time.thread_time() - start
        if self._read_seconds > READING_SECONDS:
            self.transport.abort()
        elif self.conn.their_state is h11.IDLE:
            self._expect_head()
        elif self._head is not None:
            self._head.cancel()
            self._head = None

    def on_response_complete(self) -> None:
        """Give a client that was answered early a moment to stop sending."""
        super().on_response_complete()
        self._read_seconds, self._lines, self._wire = 0.0, 0, 0
        self._expect_taking()
        answered = self.cycle

        def close() -> None:
            if self.cycle is answered and self.conn.their_state is h11.SEND_BODY:
                self.transport.close()

        if self.conn.their_state is h11.SEND_BODY:
            self.loop.call_later(LINGER_SECONDS, close)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP as every other problem is answered."""
        problem = HTTPProblem(
            400,
            "wrong-request",
            f"the request is no HTTP, or its head has more than {HEAD_BYTES} bytes; correct it",
            SECURITY | {"Connection": "close"},
        )
        response = problem.response()
        event = h11.Response(status_code=400, headers=response.raw_headers, reason=b"Bad Request")
        for part in (event, h11.Data(data=bytes(response.body)), h11.EndOfMessage()):
            self.transport.write(self.conn.send(part) or b"")
        self.transport.close()
        self._expect_taking()

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not take its answer as fast as it is written."""
        super().pause_writing()
        self._expect_taking()

    def resume_writing(self) -> None:
        """Note that the client took something."""
        super().resume_writing()
        self._moved = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        super().connection_lost(exc)
        for timer in (self._head, self._writing):
            if timer is not None:
                timer.cancel()

    def _is_crumbled(self, data: bytes) -> bool:
        """Tell whether a body comes in chunks of a few bytes, each of which costs as much as many.

        Two line ends frame a chunk; they are counted, since reading the chunks is what costs.
        """
        if self.conn.their_state is h11.SEND_BODY and b"transfer-encoding" in dict(self.headers):
            self._lines += data.count(b"\r\n")
            self._wire += len(data)
        return self._lines > 2000 and self._lines * CHUNK_BYTES > 2 * self._wire

    def _expect_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _expect_taking(self) -> None:
        """Look from time to time whether the client takes what was written to it."""
        unsent = self.transport.get_write_buffer_size()
        if self._writing is None and unsent:
            self._unsent, self._unsent_since, self._moved = unsent, self.loop.time(), False
            self._writing = self.loop.call_later(STALL_SECONDS, self._look_at_taking)

    def _look_at_taking(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        self._writing = None
        if not unsent:
            return
        stalled = unsent >= self._unsent and not self._moved
        if stalled or self.loop.time() - self._unsent_since > ANSWER_SECONDS:
            self.transport.abort()
            return
        self._unsent, self._moved = unsent, False
        self._writing = self.loop.call_later(STALL_SECONDS, self._look_at_taking)


async def _busy(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a request that comes while there are too many connections."""
    problem = HTTPProblem(
        503,
        "busy",
        "too many clients are connected; try again in a few seconds",
        SECURITY | {"Retry-After": "5", "Connection": "close"},
    )
    answer: ASGIApp = problem.response()
    await answer(scope, receive, send)
