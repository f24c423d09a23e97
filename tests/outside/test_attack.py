"""What strangers may try on a connection: it costs them more than it costs the server."""

from __future__ import annotations

import io
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx2
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageDraw, ImageFont

from beautylens.errors import QueryError
from beautylens.serve.connection import (
    CONNECTIONS,
    HEAD_SECONDS,
    LINGER_SECONDS,
    STALL_SECONDS,
)
from beautylens.store.conditions import to_sql
from beautylens.store.filters import parse_filter
from tests.conftest import Shop
from tests.outside.costly import COSTLY, FILTERS, FORM, HEAD, NESTED
from tests.outside.meanwhile import assert_unnoticed
from tests.outside.process import Served, served, until

pytestmark = pytest.mark.alone

MEBIBYTE = 1 << 20
SECONDS = 5  # within which the server of these tests wants a body


def answer_of(connection: socket.socket) -> tuple[int, dict[str, object]]:
    """The status and the problem document that come before the connection is closed."""
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def alive(server: Served) -> bool:
    return httpx2.get(f"{server.address}/health/ready", timeout=30).status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_unread(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 99999999999\r\n\r\n")
        status, problem = answer_of(connection)
    assert (status, problem["type"]) == (413, "urn:beautylens:too-large")


def test_a_body_that_grows_too_large_is_refused_at_the_limit(server: Served) -> None:
    sent = 0
    with server.connect() as connection:
        connection.sendall(
            HEAD + b"Transfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            b'\r\n4a\r\n--x\r\nContent-Disposition: form-data; name="image"; '
            b'filename="a.jpg"\r\n\r\n  \r\n'
        )
        part = b"100000\r\n" + bytes(MEBIBYTE) + b"\r\n"
        # Reset or a broken pipe, as it happens.
        with suppress(OSError):
            while sent < 200 * MEBIBYTE:
                connection.sendall(part)
                sent += MEBIBYTE
    # What the sockets hold beside what was taken.
    assert sent < 40 * MEBIBYTE
    assert alive(server)


def test_a_body_that_comes_too_slowly_is_given_up(server: Served) -> None:
    start = time.monotonic()
    with server.connect() as connection:
        connection.sendall(
            HEAD + b"Content-Length: 1000\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n"
        )
        for byte in (b"-", b"-", b"x"):
            connection.sendall(byte)
            time.sleep(0.5)
        status, problem = answer_of(connection)
    assert (status, problem["type"]) == (408, "urn:beautylens:too-slow")
    assert time.monotonic() - start < SECONDS + 5


def test_heads_that_do_not_come_are_not_waited_for(server: Served) -> None:
    crowd = [server.connect() for _ in range(100)]
    start = time.monotonic()
    for place, connection in enumerate(crowd):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: lo"[: 1 + place % 20])
    assert alive(server)
    for connection in crowd:
        connection.settimeout(HEAD_SECONDS + 10)
        assert connection.recv(100) == b""
        connection.close()
    assert time.monotonic() - start < HEAD_SECONDS + 10


def test_a_body_that_goes_on_after_its_answer_is_cut_off(server: Served) -> None:
    crowd = [server.connect() for _ in range(20)]
    for connection in crowd:
        connection.sendall(
            b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    time.sleep(LINGER_SECONDS + 1)
    for connection in crowd:
        with suppress(OSError):
            for _ in range(3):
                connection.sendall(b"1\r\na\r\n")
                time.sleep(0.01)
            while connection.recv(4096):
                pass
        connection.close()
    assert alive(server)


@pytest.mark.parametrize("charset", ["punycode", "utf-7", "unicode_escape", "idna", "nonsense"])
def test_a_code_of_letters_that_takes_long_to_read_is_refused_unread(
    server: Served, charset: str
) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="words"\r\n\r\nx-'
        + b"b" * 500_000 + b"\r\n--b--\r\n"
    )  # fmt: skip
    start = time.monotonic()
    answer = httpx2.post(
        f"{server.address}/v1/search",
        content=body,
        headers={"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"},
        timeout=60,
    )
    assert answer.status_code == 415
    assert time.monotonic() - start < 3


def test_more_and_larger_fields_than_there_are_are_refused(server: Served) -> None:
    search = f"{server.address}/v1/search"
    many = {f"field{number}": "x" for number in range(1000)}
    assert httpx2.post(search, data=many, files={"image": b"x"}).status_code == 400
    assert (
        httpx2.post(search, data={"words": "x" * 20_000}, files={"image": b"x"}).status_code == 400
    )


def test_garbage_is_answered_and_forgotten(server: Served) -> None:
    for garbage in (b"\x16\x03\x01" * 100, b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"A" * 100_000):
        with server.connect() as connection:
            connection.sendall(garbage)
            connection.settimeout(HEAD_SECONDS + 10)
            try:
                assert connection.recv(100).startswith((b"HTTP/1.1 400", b""))
            except ConnectionResetError:
                continue
    assert alive(server)


def thrown(server: Served, data: bytes) -> bytes:
    """What a server answers to some bytes on a connection of their own, if anything."""
    with server.connect() as connection, suppress(ConnectionError):
        connection.sendall(data)
        return connection.recv(4096)
    return b""


def test_filters_of_any_nesting_hold_up_nobody(server: Served, shop: Shop) -> None:
    photo = shop.photo(0).read_bytes()

    def attack() -> None:
        with ThreadPoolExecutor(4) as pool:
            for status in pool.map(ask, NESTED):
                assert status in (422, 429)

    def ask(where: str) -> int:
        return httpx2.post(
            f"{server.address}/v1/search", files={"image": photo}, data={"where": where}, timeout=60
        ).status_code

    assert_unnoticed(server, photo, attack)


BUDGET_SECONDS = 0.05


@settings(max_examples=200, deadline=None)
@given(FILTERS)
def test_any_filter_is_read_or_refused_within_its_budget(where: str) -> None:
    start = time.thread_time()
    with suppress(QueryError):
        to_sql(parse_filter(where[:500], ["brand", "name"]))
    assert time.thread_time() - start < BUDGET_SECONDS


@pytest.mark.parametrize("kind", COSTLY)
def test_what_is_costly_to_read_holds_up_nobody(server: Served, shop: Shop, kind: str) -> None:
    def attack() -> None:
        for _ in range(2):
            assert not thrown(server, COSTLY[kind]).startswith(b"HTTP/1.1 5")

    assert_unnoticed(server, shop.photo(0).read_bytes(), attack)


def page_of_small_text() -> bytes:
    """A photo of hundreds of words, each of which a network would read."""
    picture = Image.new("RGB", (1280, 1280), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(24)
    for place in range(480):
        draw.text((100 * (place % 13), 34 * (place // 13)), f"Ab{place}", "black", font)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_a_page_of_small_text_holds_up_nobody(copied: Path, shop: Shop) -> None:
    page = page_of_small_text()
    # With the usual patience: where the machine is busy, reading takes more than five seconds.
    with served(copied, "--seconds", "20") as server:

        def attack() -> None:
            answer = httpx2.post(f"{server.address}/v1/search", files={"image": page}, timeout=60)
            assert answer.status_code == 200
            assert answer.json()["milliseconds"]["read"] > 0

        assert_unnoticed(server, shop.photo(0).read_bytes(), attack)


def test_clients_that_never_take_their_answers_are_closed(server: Served) -> None:
    crowd = []
    for _ in range(CONNECTIONS + 50):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        client.settimeout(60)
        with suppress(OSError):
            client.connect(("127.0.0.1", server.port))
            client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        crowd.append(client)
    try:
        until(lambda: answers(server), 4 * STALL_SECONDS)
    finally:
        for client in crowd:
            client.close()


def answers(server: Served) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"{server.address}/health/live", timeout=30).status_code == 200
    return False


def test_a_request_with_two_lengths_is_refused_and_its_connection_closed(server: Served) -> None:
    with server.connect() as opened:
        opened.sendall(
            HEAD + FORM + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        status, problem = answer_of(opened)
    assert (status, problem["type"]) == (400, "urn:beautylens:wrong-request")


@pytest.mark.parametrize("garbage", [b"GET\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"A" * 100_000])
def test_what_is_no_http_is_refused_as_all_else_is(server: Served, garbage: bytes) -> None:
    answer = thrown(server, garbage)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer
    assert b"content-security-policy" in answer.lower()


def bomb(side: int) -> bytes:
    """A small file of a large picture."""
    file = io.BytesIO()
    Image.new("1", (side, side)).save(file, "PNG")
    return file.getvalue()


def test_bombs_are_refused_and_the_memory_stays_bounded(server: Served, shop: Shop) -> None:
    search = f"{server.address}/v1/search"
    httpx2.post(search, files={"image": shop.photo(0).read_bytes()}, timeout=60)
    before = server.memory()
    too_large, largest = bomb(20_000), bomb(7_000)

    def throw(number: int) -> int:
        data = too_large if number % 2 else largest
        return httpx2.post(search, files={"image": data}, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        # Refused, or told to come back.
        assert set(pool.map(throw, range(16))) <= {422, 429, 503}
    assert alive(server)
    # Two pictures of 49 million pixels at a time, seven bytes a pixel, and what is not given back.
    assert server.memory() - before < 1_000 * MEBIBYTE


def test_random_bytes_and_names_never_fail_it(server: Served) -> None:
    rng = np.random.default_rng(0)
    with httpx2.Client(base_url=server.address, timeout=30) as client:
        for size in (0, 1, 2, 10, 1000, 100_000):
            for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"II*\0"):
                files = {"image": ("../../etc/passwd\0.jpg", start + rng.bytes(size), "text/html")}
                assert client.post("/v1/search", files=files).status_code == 422
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/app.py", "//etc/passwd",
                     "/v1/products/%2e%2e%2f%2e%2e%2fetc%2fpasswd/image"):  # fmt: skip
            assert client.get(path).status_code in (404, 422)
    until(lambda: alive(server))
