"""Checks of host name, origin and write key, and security headers."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beautylens.serve.keys import ReadKeys, bearer
from beautylens.serve.middleware.headers import SECURITY
from beautylens.serve.problems import HTTPProblem
from beautylens.serve.settings import ServeSettings, is_address

# Probes ask by any name, such as that of a container; the responses say nothing of the catalogue.
_PROBED = frozenset(("/health", "/health/live", "/health/ready"))
# What people searched for, which the owner alone may see.
KEPT = "/v1/queries"
# Requests that need a read key, and do not count as a photo.
_UNLIMITED = "/events"
WRITES = frozenset(("PUT", "DELETE", "PATCH"))
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Guard:
    """Checks requests before their bodies are read, and adds security headers to responses.

    Args:
        app: the application behind it.
        settings: host names, origins and the write key.
        read_keys: one of them is needed to search, if there are any.
        count: counts requests by name of the read key and outcome.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServeSettings,
        read_keys: ReadKeys,
        count: Callable[[str, str], None],
    ) -> None:
        self._app, self._settings = app, settings
        self._read_keys, self._count = read_keys, count
        self._headers = SECURITY
        if settings.origins:
            # Pages of allowed origins may embed pictures, and read `Server-Timing`, too.
            self._headers = SECURITY | {
                "Cross-Origin-Resource-Policy": "cross-origin",
                "Timing-Allow-Origin": ", ".join(settings.origins),
            }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope["method"], scope["path"], Headers(scope=scope))
        except HTTPProblem as problem:
            await problem.response()(scope, receive, send_secured)
        else:
            await self._app(scope, receive, send_secured)

    def _check(self, method: str, path: str, headers: Headers) -> None:
        if path not in _PROBED:
            self._check_host(headers.get("host", ""))
        if method not in _SAFE:
            self._check_origin(headers)
        private = path == KEPT or path.startswith(f"{KEPT}/")
        if method in WRITES or private or (path == "/metrics" and self._settings.key):
            self._check_key(headers.get("authorization", ""))
        elif method == "POST" and self._read_keys:
            limited = not path.endswith(_UNLIMITED)
            self._check_read_key(headers.get("authorization", ""), limited=limited)

    def _check_host(self, host: str) -> None:
        """Check the host name, which prevents DNS rebinding; IP addresses cannot be rebound."""
        name = _without_port(host)
        if name not in self._settings.known_names and not is_address(name):
            raise HTTPProblem(
                421,
                "unknown-host",
                "unknown host name; start the server with `--name` to allow it",
            )

    def _check_origin(self, headers: Headers) -> None:
        """Check that a browser sends the request from an allowed page."""
        origin = headers.get("origin")
        own = origin in {f"{scheme}://{headers.get('host')}" for scheme in ("http", "https")}
        if origin is not None and not own and origin not in self._settings.origins:
            raise HTTPProblem(
                403,
                "foreign-page",
                "this origin may not use the API; start the server with `--origin` to allow it",
            )

    def _check_key(self, authorization: str) -> None:
        if not self._settings.key:
            raise HTTPProblem(
                403,
                "read-only",
                "this server is read-only; start it with a write key to allow changes",
            )
        if not self._is_write_key(bearer(authorization)):
            raise _wrong_key("write")

    def _is_write_key(self, given: str) -> bool:
        # In constant time, so that response times do not reveal parts of the key.
        right = hmac.compare_digest(given.encode(), self._settings.key.encode())
        return bool(self._settings.key) and right

    def _check_read_key(self, authorization: str, *, limited: bool) -> None:
        """Check the read key and its limit; the write key may search, too, without a limit."""
        given = bearer(authorization)
        if self._is_write_key(given):
            return
        name = self._read_keys.name_of(given)
        if name is None:
            self._count("", "refused")
            raise _wrong_key("read")
        limiter = self._read_keys.limiters[name]
        if limited and (seconds := limiter.wait()):
            self._count(name, "limited")
            raise HTTPProblem(
                429,
                "key-limit",
                f"the limit of this key is reached; try again in {seconds} seconds",
                {"Retry-After": str(seconds)},
            )
        limiter.take(1 if limited else 0)
        self._count(name, "allowed")


def _wrong_key(kind: str) -> HTTPProblem:
    return HTTPProblem(
        401,
        "wrong-key",
        f"missing or wrong {kind} key; send `Authorization: Bearer KEY`",
        {"WWW-Authenticate": "Bearer"},
    )


def _without_port(host: str) -> str:
    """Return a host without its port; IPv6 addresses have brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
