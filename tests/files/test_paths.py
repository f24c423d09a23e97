"""Addresses are used like paths, and lead nowhere that nobody named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from beautylens.files import redirects
from beautylens.files.paths import RemotePath, as_path, is_unsupported, path_in
from beautylens.files.redirects import trust_redirects_to


class Host(BaseHTTPRequestHandler):
    """Sends `/to/ADDRESS` there, `/busy` away for hours, and all else its own path."""

    def do_GET(self) -> None:
        if self.path == "/endless":
            self._redirect_with_an_endless_page()
            return
        to = self.path.removeprefix("/to/")
        codes = {"/busy": 503, "/gone.jpg": 404}
        code = 302 if to != self.path else codes.get(self.path, 200)
        self.send_response(code)
        if code == 302:
            self.send_header("Location", to)
        self.send_header("Retry-After", "3600")
        self.end_headers()
        if code == 200:
            self.wfile.write(self.path.encode())

    def _redirect_with_an_endless_page(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/abcdef")
        self.end_headers()
        with suppress(OSError):
            while True:
                self.wfile.write(bytes(1 << 16))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_an_address_has_the_parts_of_a_path() -> None:
    one = RemotePath("s3://bucket/shop/rouge #4.tar.gz")
    assert (one.name, one.stem, one.suffix) == ("rouge #4.tar.gz", "rouge #4.tar", ".gz")
    assert one.parent / "b.jpg" == RemotePath("s3://bucket/shop/b.jpg")
    assert one.absolute() == one


def test_on_the_web_names_are_quoted_and_questions_belong_to_their_file_alone() -> None:
    table = RemotePath("https://x.org/shop/products.csv?sig=a/b")
    assert (table.name, table.suffix) == ("products.csv", ".csv")
    assert path_in(table.parent, "rouge #4.jpg") == RemotePath(
        "https://x.org/shop/rouge%20%234.jpg"
    )


def test_a_name_that_is_an_address_stands_for_itself() -> None:
    assert path_in(Path("/shop"), "S3://bucket/a.jpg") == RemotePath("s3://bucket/a.jpg")
    assert path_in(RemotePath("s3://bucket/shop"), "a.jpg") == RemotePath("s3://bucket/shop/a.jpg")
    assert as_path("shop/a.jpg") == Path("shop/a.jpg")
    assert is_unsupported("ftp://x.org/a.jpg")
    assert not is_unsupported("HTTPS://x.org/a.jpg")


def test_a_file_of_the_web_is_read_up_to_what_it_may_have(host: str) -> None:
    assert RemotePath(f"{host}/abcdef").read_bytes() == b"/abcdef"
    assert RemotePath(f"{host}/to/{host}/there").read_bytes() == b"/there"
    assert len(RemotePath(f"{host}/abcdef").read_bytes(most=3)) > 3


def test_redirects_to_other_ports_or_into_private_networks_or_too_many_are_refused(
    host: str,
) -> None:
    with pytest.raises(OSError, match=r"^the server redirects to another port; --follow"):
        RemotePath(f"{host}/to/http://127.0.0.1:1/secret").read_bytes()
    with pytest.raises(OSError, match=r"^the server redirects into a private network; --follow"):
        RemotePath(f"{host}/to/http://localhost/secret").read_bytes()
    with pytest.raises(OSError, match=r"^the server redirects too often \(more than 5 times\)$"):
        RemotePath(f"{host}{'/to/' * 6}x").read_bytes()


def test_a_redirect_to_a_private_host_that_the_user_trusts_is_followed(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redirects, "_TRUSTED", set())
    port = host.rpartition(":")[2]
    trust_redirects_to([f"localhost:{port}"])
    elsewhere = f"{host}/to/http://localhost:{port}/there"
    assert RemotePath(elsewhere).read_bytes() == b"/there"


def test_the_page_of_a_redirect_is_not_read(host: str) -> None:
    assert RemotePath(f"{host}/endless").read_bytes() == b"/abcdef"


def test_a_host_that_asks_for_hours_is_not_waited_for(host: str) -> None:
    with pytest.raises(OSError, match=r"^the server asks to be left alone for 3,600 s$"):
        RemotePath(f"{host}/busy").read_bytes()


@pytest.mark.parametrize(
    "address",
    [
        "s3:///x.jpg",
        "s3://my bucket/x.jpg",
        "s3://ключ/x.jpg",
        # Arrow would send credentials of the environment there, or use others.
        "s3://b?endpoint_override=127.0.0.1:9&scheme=http/x.jpg",
        "s3://user:word@b/x.jpg",
        "gs://b?endpoint_override=127.0.0.1:9/x.jpg",
    ],
)
def test_what_is_no_address_of_object_storage_is_said_to_be_none(address: str) -> None:
    with pytest.raises(OSError, match="is not an address of object storage"):
        RemotePath(address).read_bytes()


def test_a_web_address_that_gives_nothing_says_its_status_or_why_there_is_no_answer(
    host: str,
) -> None:
    with pytest.raises(OSError, match=r"^the server answers 404 Not Found$"):
        RemotePath(f"{host}/gone.jpg").read_bytes()
    with pytest.raises(OSError, match=r"^the server does not answer \(.*[Cc]onnection refused\)$"):
        RemotePath("http://127.0.0.1:9/a.jpg").read_bytes()
