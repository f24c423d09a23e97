"""The HTTP client: retries, bounded waits and redirects, and errors in a few words."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakSet

import requests
from requests import exceptions as failures
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from requests.utils import get_auth_from_url
from urllib3.exceptions import HTTPError, InvalidHeader
from urllib3.response import BaseHTTPResponse
from urllib3.util import Retry

from beautylens.files.connections import pools
from beautylens.files.redirects import (
    ANOTHER_PORT,
    PRIVATE,
    is_trusted,
    redirect_problem,
)
from beautylens.files.web_errors import BrokenOffError, HostBusyError, WebError
from beautylens.runtime.native import cache_per_process

# Statuses that are retried at once, and those that may be gone at a later request.
_RETRIED = frozenset({429, *range(500, 600)})
_PASSING = _RETRIED | {requests.codes.request_timeout}
REDIRECTS = 5
# Timeouts in seconds: of a connection, and of the next bytes of a response.
PATIENCE = (10.0, 30.0)
# Longest time in seconds for a file, and longest Retry-After that is waited for.
_DEADLINE, _PAUSE = 120.0, 5.0
_CHUNK_BYTES = 1 << 16


class Pace:
    """Rate limit: at most `rate` requests per second to each host, over all threads."""

    def __init__(self, rate: float, wait: Callable[[float], object] = time.sleep) -> None:
        self._gap = 1 / rate
        self._wait = wait
        self._next: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def keep(self, host: str) -> None:
        """Wait until the host may get the next request."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next[host])
            self._next[host] = turn + self._gap
        if turn > now:
            self._wait(turn - now)


class _Adapter(HTTPAdapter):
    """Keeps the pace for every request, and sends redirected ones to public addresses only.

    Args:
        pace: bounds the requests a second.
        public: whether all connections are to public addresses.
        options: of requests' adapter.
    """

    def __init__(self, pace: Pace | None, *, public: bool = False, **options: Any) -> None:
        self._pace, self._public = pace, public
        self.elsewhere: WeakSet[requests.PreparedRequest] = WeakSet()
        """The requests that another host redirected to."""
        self._others = None if public else _Adapter(None, public=True, **options)
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        # Not of proxies: they connect themselves, and may be in a private network.
        self.poolmanager.pool_classes_by_scheme = pools(public=self._public)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        if self._pace:
            self._pace.keep(host_of(request.url or ""))
        if self._others and request in self.elsewhere:
            return self._others.send(request, *args, **options)
        return super().send(request, *args, **options)


class _Session(requests.Session):
    """Follows a redirect only where a host may redirect to; credentials are those of an address.

    By itself requests would send those of `~/.netrc` to hosts that only a catalogue names.
    """

    def __init__(self, adapter: _Adapter) -> None:
        super().__init__()
        self.auth = _as_in_address
        self._adapter = adapter
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        asked, named = response.url, prepared_request.url or ""
        if self.should_strip_auth(asked, named):  # type: ignore[no-untyped-call]  # it has no types
            prepared_request.headers.pop("Authorization", None)
        if host_of(asked) != host_of(named) and not is_trusted(named):
            self._adapter.elsewhere.add(prepared_request)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target and (problem := redirect_problem(resp.url, urljoin(resp.url, target))):
            raise WebError(problem, lasting=True)
        if target:
            # Otherwise requests would read the whole body.
            resp.raw.close()
        return target


def _as_in_address(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add the credentials that an address contains, if it has some."""
    name, password = get_auth_from_url(request.url or "")
    return HTTPBasicAuth(name, password)(request) if name or password else request


class _BoundedRetry(Retry):
    """Honours Retry-After up to `longest_pause` seconds."""

    RETRY_AFTER_STATUS_CODES = frozenset({429, 503})

    def __init__(self, *args: Any, longest_pause: float, **options: Any) -> None:
        self._longest_pause = longest_pause
        super().__init__(*args, **options)

    def new(self, **options: Any) -> Any:
        return super().new(longest_pause=self._longest_pause, **options)

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        try:
            seconds = super().get_retry_after(response)
        except InvalidHeader:
            return None
        if seconds is not None and seconds > self._longest_pause:
            raise HostBusyError(f"asks to be left alone for {seconds:,.0f} s", lasting=False)
        return seconds


def open_session(
    user_agent: str,
    *,
    retries: int,
    backoff: float,
    longest_pause: float,
    pace: Pace | None = None,
    connections: int = 1,
) -> requests.Session:
    """Return a session that retries, and follows at most `REDIRECTS` redirects.

    Args:
        user_agent: the User-Agent header.
        retries: retries after 429 or 5xx; at most one after a failed connection.
        backoff: seconds before the second retry, doubled for each further one.
        longest_pause: longest Retry-After in seconds that is waited for.
        pace: rate limit.
        connections: open connections per host, one per thread that shares the session.
    """
    once = min(1, retries)
    retry = _BoundedRetry(
        total=retries,
        connect=once,
        read=once,
        other=once,
        backoff_factor=backoff,
        status_forcelist=_RETRIED,
        raise_on_status=False,
        longest_pause=longest_pause,
    )
    session = _Session(_Adapter(pace, pool_maxsize=connections, max_retries=retry))
    session.max_redirects = REDIRECTS
    # Pictures hardly get smaller by compression, and there can be no decompression bomb.
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
    return session


def host_of(address: str) -> str:
    """Return the host of an address in lower case; empty if it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


@contextmanager
def explained() -> Iterator[None]:
    """Convert errors of a request, before the first byte of the file, to a reason in a few words.

    Includes redirects to other schemes: a session has adapters for HTTP and HTTPS only.

    Raises:
        WebError: with the reason.
    """
    try:
        yield
    except failures.TooManyRedirects as error:
        reason = f"redirects too often (more than {REDIRECTS} times)"
        raise WebError(reason, lasting=True) from error
    except ValueError as error:
        # The errors of requests, urllib3 and Python about addresses have no other class in common.
        raise WebError("leads to no http or https address", lasting=True) from error
    except (requests.RequestException, HTTPError) as error:
        raise WebError(f"does not answer ({_cause(error)})", lasting=False) from error


def _cause(error: BaseException) -> str:
    """Return the message of the innermost error, the most readable one."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return " ".join(str(error).split()) or type(error).__name__


def check_status(response: requests.Response) -> None:
    """Check that the status of a response is 200.

    Raises:
        WebError: with the status, when it is another.
    """
    status = response.status_code
    if status != requests.codes.ok:
        reason = f"answers {status} {response.reason or ''}".rstrip()
        raise WebError(reason, lasting=status not in _PASSING)


def read_chunks(response: requests.Response, seconds: float | None = None) -> Iterator[bytes]:
    """Yield the content of a response as it arrives, within a time limit.

    Args:
        response: opened with `stream=True`.
        seconds: longest time for the whole content.

    Raises:
        BrokenOffError: when the connection breaks or stalls.
        WebError: when it takes longer.
    """
    end = time.monotonic() + seconds if seconds else None
    while True:
        try:
            chunk: bytes = response.raw.read1(_CHUNK_BYTES, decode_content=True)
        except HTTPError as error:
            raise BrokenOffError(f"breaks off ({_cause(error)})", lasting=False) from error
        if not chunk:
            return
        if end and time.monotonic() > end:
            raise WebError(f"takes longer than {seconds:g} s", lasting=False)
        yield chunk


@cache_per_process
def shared_session() -> requests.Session:
    """Return the session of all readings of this process."""
    return open_session(
        "beautylens (+catalogue)", retries=2, backoff=0.5, longest_pause=_PAUSE, connections=32
    )


def read_web(address: str, most: int | None = None) -> bytes:
    """Return the content of an address; reading stops after `most` bytes and at most one chunk.

    Raises:
        OSError: when the request fails.
    """
    content = bytearray()
    try:
        with explained():
            response = shared_session().get(address, stream=True, timeout=PATIENCE)
        with response:
            check_status(response)
            for chunk in read_chunks(response, _DEADLINE):
                content += chunk
                if most is not None and len(content) > most:
                    break
    except WebError as error:
        refused = str(error) in (ANOTHER_PORT, PRIVATE)
        hint = "; --follow-redirects-to HOST allows it" if refused else ""
        raise OSError(f"the server {error}{hint}") from error
    return bytes(content)
