"""Errors of the HTTP client; each message continues a sentence that begins with the address."""

from __future__ import annotations

from beautylens.errors import BeautylensError


class WebError(BeautylensError):
    """A request failed; the message continues a sentence that begins with the address.

    Args:
        reason: such as "answers 404 Not Found".
        lasting: whether a retry would fail too.
    """

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class BrokenOffError(WebError):
    """The connection broke within the file."""


class HostBusyError(WebError):
    """The Retry-After of the host is longer than is waited for."""
