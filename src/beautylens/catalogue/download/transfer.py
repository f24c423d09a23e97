"""Fetch one picture over HTTP with rate limits, and check that it is one."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import requests

from beautylens.errors import ImageError
from beautylens.files.web import (
    PATIENCE,
    Pace,
    check_status,
    explained,
    host_of,
    open_session,
    read_chunks,
)
from beautylens.files.web_errors import BrokenOffError, WebError
from beautylens.images.decode import decode
from beautylens.images.formats import HEAD_BYTES, suffix_of
from beautylens.images.limits import DEFAULT_LIMITS, Limits

# Maximum of `Retry-After` in seconds; a host that asks for more is left for another run.
LONGEST_PAUSE = 120.0
# Small enough that a JPEG is decoded at an eighth of its size.
_LEAST_SIDE = 64


@dataclass(frozen=True, slots=True)
class Manners:
    """Limits per host and picture.

    Args:
        connections: simultaneous downloads per host.
        rate: maximum of requests per second and host.
        hosts: number of hosts at the same time.
        timeout: seconds per picture from the response's first byte to its last.
        retries: further tries after 429 or 5xx; after a failed connection at most one.
        backoff: seconds before the second retry; doubled with each further one.
        limits: on pictures; those of indexing.
        contact: a mail or web address for the hosts, in ASCII.
    """

    connections: int = 1
    rate: float = 5.0
    hosts: int = 32
    timeout: float = 60.0
    retries: int = 3
    backoff: float = 1.0
    limits: Limits = DEFAULT_LIMITS
    contact: str = ""

    @property
    def user_agent(self) -> str:
        """The User-Agent: name, version and contact."""
        return f"beautylens/{version('beautylens')} ({self.contact or '+catalogue download'})"

    @property
    def patience(self) -> tuple[float, float]:
        """Timeouts in seconds for the connection and for the next bytes of a response."""
        connect, answer = (min(seconds, self.timeout) for seconds in PATIENCE)
        return connect, answer


DEFAULT_MANNERS = Manners()


def is_fetchable(address: str) -> bool:
    """Return whether an address is an HTTP or HTTPS URL with a host."""
    return address.lower().startswith(("http://", "https://")) and bool(host_of(address))


def polite_session(manners: Manners, pace: Pace) -> requests.Session:
    """Return a session for one thread, with a User-Agent and these limits."""
    return open_session(
        manners.user_agent,
        retries=manners.retries,
        backoff=manners.backoff,
        longest_pause=LONGEST_PAUSE,
        pace=pace,
    )


def fetch_picture(session: requests.Session, address: str, part: Path, manners: Manners) -> str:
    """Store the picture at an address in the file `part` and return the suffix of its type.

    The picture is decoded once (a JPEG at an eighth of its size), so that it can be indexed later.

    Raises:
        WebError: when the address gives no picture, with the reason.
    """
    try:
        return _fetch_once(session, address, part, manners)
    except BrokenOffError:
        # urllib3 does not retry after the response has begun.
        return _fetch_once(session, address, part, manners)


def _fetch_once(session: requests.Session, address: str, part: Path, manners: Manners) -> str:
    if not is_fetchable(address):
        raise WebError("no http or https address", lasting=True)
    with explained():
        response = session.get(address, stream=True, timeout=manners.patience)
    with response:
        check_status(response)
        _check_length(response, manners.limits)
        _store(response, part, manners)
    return _checked_suffix(part, manners.limits)


def _check_length(response: requests.Response, limits: Limits) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise _too_large(int(length), limits)


def _store(response: requests.Response, part: Path, manners: Manners) -> None:
    size = 0
    with part.open("wb") as file:
        for chunk in read_chunks(response, manners.timeout):
            size += len(chunk)
            if size > manners.limits.max_bytes:
                raise _too_large(size, manners.limits)
            file.write(chunk)


def _too_large(size: int, limits: Limits) -> WebError:
    reason = f"has {size:,} bytes or more, where at most {limits.max_bytes:,} are allowed"
    return WebError(reason, lasting=True)


def _checked_suffix(part: Path, limits: Limits) -> str:
    content = part.read_bytes()
    try:
        decode(content, name="what comes", limits=limits, least_side=_LEAST_SIDE)
    except ImageError as error:
        # Without the remedy, which is for local files.
        raise WebError(str(error).rsplit(";", 1)[0], lasting=True) from error
    return suffix_of(content[:HEAD_BYTES]) or ""
