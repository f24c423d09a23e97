"""Errors of the HTTP client; each message continues a sentence that begins with the address."""

from __future__ import annotations

from beautylens.errors import BeautylensError


class WebError(BeautylensError):
    """An address gave no file; the message continues a sentence that begins with the address.

    Args:
        reason: such as "answers 404 Not Found".
        lasting: whether asking again is not worth it.
    """

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class BrokenOffError(WebError):
    """The connection broke within the file."""


class HostBusyError(WebError):
    """The host asks to be left alone for longer than can be waited."""
