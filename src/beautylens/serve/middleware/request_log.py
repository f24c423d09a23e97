"""Request ids, `Server-Timing`, and one line of the log per request."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beautylens.serve.log import REQUEST, REQUEST_LINES, RequestRecord, request_id

_LOG = logging.getLogger(REQUEST_LINES)


class RequestLog:
    """Gives each request an id, which its response and its lines of the log carry.

    Responses of searches say the milliseconds of each stage in `Server-Timing`.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, status = RequestRecord(request_id(Headers(scope=scope))), 500
        # Each request is a task with a context of its own.
        REQUEST.set(request)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request.request_id
                if request.milliseconds:
                    headers["Server-Timing"] = _server_timing(request.milliseconds)
            await send(message)

        start = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _write(request, scope, status, 1000 * (time.perf_counter() - start))


def _server_timing(milliseconds: Mapping[str, float]) -> str:
    """Return the value of `Server-Timing`, such as `decode;dur=9.1, total;dur=211.0`."""
    return ", ".join(f"{stage};dur={each:.1f}" for stage, each in milliseconds.items())


def _write(request: RequestRecord, scope: Scope, status: int, milliseconds: float) -> None:
    """Log a request by its declared route: a path may contain what is nobody's business."""
    stages = {stage: round(each, 1) for stage, each in request.milliseconds.items()}
    about = {
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", "other"),
        "status": status,
        "verdict": request.verdict,
        "milliseconds": stages | {"total": round(milliseconds, 1)},
    }
    spent = " ".join(f"{stage}={each:g}" for stage, each in about["milliseconds"].items())
    words = (about["method"], about["route"], status, request.verdict or "-", spent)
    _LOG.info("%s %s %d %s %s", *words, extra={"request": about})
