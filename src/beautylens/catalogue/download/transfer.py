"""Fetch one picture over HTTP, politely, and find out whether it is one."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests import exceptions as failures
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from beautylens.errors import BeautylensError, ImageError
from beautylens.files.redirects import refusal
from beautylens.images.decode import decode
from beautylens.images.formats import HEAD_BYTES, suffix_of
from beautylens.images.limits import DEFAULT_LIMITS, Limits

# Answers that are asked for again at once, and those that the next run may find changed.
RETRIED = frozenset({429, *range(500, 600)})
PASSING = RETRIED | {requests.codes.request_timeout}
# Seconds that a host may ask to be left alone for; one that asks for more is left for this run.
LONGEST_WAIT = 120
# Seconds for a connection, and for the first bytes of an answer.
PATIENCE = (10.0, 30.0)

_CHUNK_BYTES = 1 << 16
# Enough for a JPEG to be read to its end at an eighth of its size.
_LEAST_SIDE = 64


class NoPictureError(BeautylensError):
    """An address gave no picture; `lasting` where asking again is not worth it."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class BrokenOffError(NoPictureError):
    """The picture had begun to come."""


class HostAwayError(NoPictureError):
    """The host asks to be left alone for longer than a run can wait."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How hosts are treated, and what one picture may cost.

    Args:
        connections: pictures fetched from one host at the same time.
        rate: requests that one host gets a second, at most.
        hosts: hosts asked at the same time.
        timeout: seconds that a picture may take from the host's first answer to its last byte.
        retries: further tries after 429 or 5xx; after a failed connection there is one at most.
        backoff: seconds before the second of these; they double from try to try.
        limits: what a picture may cost; the same that indexing allows.
        contact: whom a host can write to about the requests: a mail or web address, in ASCII.
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
        """Who asks, in the form that hosts know: name, version, and where to write to."""
        return f"beautylens/{version('beautylens')} ({self.contact or '+catalogue download'})"

    @property
    def patience(self) -> tuple[float, float]:
        """Seconds for a connection, and for the next bytes of an answer."""
        connect, answer = (min(seconds, self.timeout) for seconds in PATIENCE)
        return connect, answer


DEFAULT_MANNERS = Manners()


class Pace:
    """Holds requests back so that no host gets more than `rate` a second; shared by threads."""

    def __init__(self, rate: float, wait: Callable[[float], object] = time.sleep) -> None:
        self._gap = 1 / rate
        self._wait = wait
        self._next: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def keep(self, host: str) -> None:
        """Wait until it is this request's turn at its host."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next[host])
            self._next[host] = turn + self._gap
        if turn > now:
            self._wait(turn - now)


class _Adapter(HTTPAdapter):
    """Keeps the pace for every request, those that redirects lead to included."""

    def __init__(self, pace: Pace, retries: Retry) -> None:
        self._pace = pace
        super().__init__(pool_maxsize=1, max_retries=retries)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        self._pace.keep(host_of(request.url or ""))
        return super().send(request, *args, **options)


class _Session(requests.Session):
    """Follows a redirect only where a host may lead."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and (reason := refusal(resp.url, urljoin(resp.url, target))):
            raise NoPictureError(reason, lasting=True)
        return target


class _PatientRetry(Retry):
    """Honours Retry-After, but not for hours in which nobody knows why nothing happens."""

    RETRY_AFTER_STATUS_CODES = frozenset({429, 503})

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            seconds = super().get_retry_after(response)
        except InvalidHeader:
            return None
        if seconds is not None and seconds > LONGEST_WAIT:
            raise HostAwayError(f"asks to be left alone for {seconds:,.0f} s", lasting=False)
        return seconds


def host_of(address: str) -> str:
    """Return the host that an address names, in lower case; empty where there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def is_fetchable(address: str) -> bool:
    """Tell whether an address is one of HTTP or HTTPS that names a host."""
    return address.lower().startswith(("http://", "https://")) and bool(host_of(address))


def open_session(manners: Manners, pace: Pace) -> requests.Session:
    """Return a session, for one thread, that says who is asking and keeps to the manners."""
    once = min(1, manners.retries)
    retries = _PatientRetry(
        total=manners.retries,
        connect=once,
        read=once,
        other=once,
        backoff_factor=manners.backoff,
        status_forcelist=RETRIED,
        raise_on_status=False,
    )
    session = _Session()
    # Pictures do not get smaller by compression, and what is not unpacked cannot burst.
    session.headers.update({"User-Agent": manners.user_agent, "Accept-Encoding": "identity"})
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pace, retries))
    return session


def fetch_picture(session: requests.Session, address: str, part: Path, manners: Manners) -> str:
    """Store the picture at an address in the file `part` and return the suffix of its type.

    The picture is decoded once, at an eighth of its size where it is a JPEG, so that what is kept
    can also be indexed.

    Raises:
        NoPictureError: when the address gives none, with the reason in a few words.
    """
    try:
        return _fetch_once(session, address, part, manners)
    except BrokenOffError:
        # urllib3 tries again only what breaks before the answer has begun.
        return _fetch_once(session, address, part, manners)


def _fetch_once(session: requests.Session, address: str, part: Path, manners: Manners) -> str:
    if not is_fetchable(address):
        raise NoPictureError("no http or https address", lasting=True)
    with explained():
        response = session.get(address, stream=True, timeout=manners.patience)
    with response:
        check_status(response)
        _check_length(response, manners.limits)
        _store(response, part, manners)
    return _checked_suffix(part, manners.limits)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what goes wrong before the first byte of a picture into the reason for there being none.

    A redirect to another scheme ends here too: a session has adapters for HTTP and HTTPS only.

    Raises:
        NoPictureError: with that reason.
    """
    try:
        yield
    except failures.TooManyRedirects as error:
        raise NoPictureError("leads from redirect to redirect", lasting=True) from error
    except ValueError as error:
        # The errors of requests, urllib3 and Python about addresses have no other class in common.
        raise NoPictureError("leads to no http or https address", lasting=True) from error
    except (requests.RequestException, HTTPError) as error:
        raise NoPictureError(f"does not answer ({_cause(error)})", lasting=False) from error


def _cause(error: BaseException) -> str:
    """Return what the innermost error says, which is the one that a person can understand."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__


def check_status(response: requests.Response) -> None:
    """Check that an answer is what was asked for.

    Raises:
        NoPictureError: naming the status that it has instead.
    """
    status = response.status_code
    if status != requests.codes.ok:
        reason = f"answers {status} {response.reason or ''}".rstrip()
        raise NoPictureError(reason, lasting=status not in PASSING)


def _check_length(response: requests.Response, limits: Limits) -> None:
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limits.max_bytes:
        raise _too_large(int(length), limits)


def _store(response: requests.Response, part: Path, manners: Manners) -> None:
    end = time.monotonic() + manners.timeout
    size = 0
    with part.open("wb") as file:
        while chunk := read_chunk(response):
            size += len(chunk)
            if size > manners.limits.max_bytes:
                raise _too_large(size, manners.limits)
            if time.monotonic() > end:
                raise NoPictureError(f"takes longer than {manners.timeout:g} s", lasting=False)
            file.write(chunk)


def read_chunk(response: requests.Response) -> bytes:
    """Return the bytes that have come, at most a chunk, so that a trickle meets its time limit.

    Raises:
        BrokenOffError: when the connection breaks or falls silent.
    """
    try:
        chunk: bytes = response.raw.read1(_CHUNK_BYTES, decode_content=True)
    except HTTPError as error:
        raise BrokenOffError(f"breaks off ({_cause(error)})", lasting=False) from error
    return chunk


def _too_large(size: int, limits: Limits) -> NoPictureError:
    reason = f"has {size:,} bytes or more, where at most {limits.max_bytes:,} are allowed"
    return NoPictureError(reason, lasting=True)


def _checked_suffix(part: Path, limits: Limits) -> str:
    content = part.read_bytes()
    try:
        decode(content, name="what comes", limits=limits, least_side=_LEAST_SIDE)
    except ImageError as error:
        # The last part of the sentence says what to do with a file of one's own.
        raise NoPictureError(str(error).rsplit(";", 1)[0], lasting=True) from error
    return suffix_of(content[:HEAD_BYTES]) or ""
