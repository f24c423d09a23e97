"""Who is let in: host names, other pages, the key of writers; and what browsers are told."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beautylens.serve.middleware.headers import SECURITY
from beautylens.serve.problems import HTTPProblem
from beautylens.serve.settings import ServeSettings, is_address

WRITES = frozenset(("PUT", "DELETE", "PATCH"))
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Guard:
    """Refuses what may not come in, before anything of its body is read.

    Args:
        app: what it stands before.
        settings: names, origins and the key.
    """

    def __init__(self, app: ASGIApp, settings: ServeSettings) -> None:
        self._app, self._settings = app, settings
        # A page that was let in may show the pictures, too.
        shared = {"Cross-Origin-Resource-Policy": "cross-origin"} if settings.origins else {}
        self._headers = SECURITY | shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
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
        self._check_host(headers.get("host", ""))
        if method not in _SAFE:
            self._check_origin(headers)
        if method in WRITES or (path == "/metrics" and self._settings.key):
            self._check_key(headers.get("authorization", ""))

    def _check_host(self, host: str) -> None:
        """Refuse other names: a page elsewhere could have its own lead here (DNS rebinding).

        An address cannot be led elsewhere.
        """
        name = _without_port(host)
        if name not in self._settings.known_names and not is_address(name):
            raise HTTPProblem(
                421,
                "unknown-host",
                "this server does not go by that name; `--name` gives it one",
            )

    def _check_origin(self, headers: Headers) -> None:
        """Refuse what another page has a browser send."""
        origin = headers.get("origin")
        own = origin in {f"{scheme}://{headers.get('host')}" for scheme in ("http", "https")}
        if origin is not None and not own and origin not in self._settings.origins:
            raise HTTPProblem(
                403,
                "foreign-page",
                "another page may not do this; `--origin` lets one in",
            )

    def _check_key(self, authorization: str) -> None:
        if not self._settings.key:
            raise HTTPProblem(
                403,
                "read-only",
                "this server was started without a write key, so nothing can be changed through it",
            )
        kind, _, given = authorization.partition(" ")
        # As bytes, and in a time that says nothing of how much of it was right.
        right = hmac.compare_digest(given.strip().encode(), self._settings.key.encode())
        if kind.lower() != "bearer" or not right:
            raise HTTPProblem(
                401,
                "wrong-key",
                "this needs the write key: send `Authorization: Bearer KEY`",
                {"WWW-Authenticate": "Bearer"},
            )


def _without_port(host: str) -> str:
    """Return a host name as it stands before its port; addresses of IPv6 have brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()
