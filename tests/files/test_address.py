"""Addresses are used like paths, and lead nowhere that nobody named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from beautylens.files.address import Remote, beside, is_strange, place


class Host(BaseHTTPRequestHandler):
    """Sends `/to/ADDRESS` there, `/busy` away for hours, and all else its own path."""

    def do_GET(self) -> None:
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

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_an_address_has_the_parts_of_a_path() -> None:
    one = Remote("s3://bucket/shop/rouge #4.tar.gz")
    assert (one.name, one.stem, one.suffix) == ("rouge #4.tar.gz", "rouge #4.tar", ".gz")
    assert one.parent / "b.jpg" == Remote("s3://bucket/shop/b.jpg")
    assert one.absolute() == one


def test_on_the_web_names_are_quoted_and_questions_belong_to_their_file_alone() -> None:
    table = Remote("https://x.org/shop/products.csv?sig=a/b")
    assert (table.name, table.suffix) == ("products.csv", ".csv")
    assert beside(table.parent, "rouge #4.jpg") == Remote("https://x.org/shop/rouge%20%234.jpg")


def test_a_name_that_is_an_address_stands_for_itself() -> None:
    assert beside(Path("/shop"), "S3://bucket/a.jpg") == Remote("s3://bucket/a.jpg")
    assert beside(Remote("s3://bucket/shop"), "a.jpg") == Remote("s3://bucket/shop/a.jpg")
    assert place("shop/a.jpg") == Path("shop/a.jpg")
    assert is_strange("ftp://x.org/a.jpg")
    assert not is_strange("HTTPS://x.org/a.jpg")


def test_a_file_of_the_web_is_read_up_to_what_it_may_have(host: str) -> None:
    assert Remote(f"{host}/abcdef").read_bytes() == b"/abcdef"
    assert Remote(f"{host}/to/{host}/there").read_bytes() == b"/there"
    assert len(Remote(f"{host}/abcdef").read_bytes(most=3)) > 3


def test_a_host_leads_to_no_other_host_or_port_and_nowhere_for_ever(host: str) -> None:
    with pytest.raises(OSError, match="another host"):
        Remote(f"{host}/to/http://localhost:1/secret").read_bytes()
    with pytest.raises(OSError, match="another port"):
        Remote(f"{host}/to/http://127.0.0.1:1/secret").read_bytes()
    with pytest.raises(OSError, match="on and on"):
        Remote(f"{host}/to//to//to//to//to//to/x").read_bytes()


def test_a_host_that_asks_for_hours_is_not_waited_for(host: str) -> None:
    with pytest.raises(OSError, match=r"^the server answers 503 Service Unavailable$"):
        Remote(f"{host}/busy").read_bytes()


@pytest.mark.parametrize("address", ["s3:///x.jpg", "s3://my bucket/x.jpg", "s3://ключ/x.jpg"])
def test_what_is_no_address_of_object_storage_is_said_to_be_none(address: str) -> None:
    with pytest.raises(OSError, match="is no address of object storage"):
        Remote(address).read_bytes()


def test_a_web_address_that_gives_nothing_says_its_status_or_why_there_is_no_answer(
    host: str,
) -> None:
    with pytest.raises(OSError, match=r"^the server answers 404 Not Found$"):
        Remote(f"{host}/gone.jpg").read_bytes()
    with pytest.raises(OSError, match=r"^there is no answer: .*[Cc]onnection refused$"):
        Remote("http://127.0.0.1:9/a.jpg").read_bytes()
