"""To whom the HTTP client connects, and what it tells them of the user."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from urllib3.util import connection

from beautylens.files import connections
from beautylens.files.paths import RemotePath


class Host(BaseHTTPRequestHandler):
    """Sends `/to/ADDRESS` there; notes what it is asked, and with which credentials."""

    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        to = self.path.removeprefix("/to/")
        self.send_response(200 if to == self.path else 302)
        self.send_header("Location", to)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def host() -> Iterator[str]:
    Host.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def rebound(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All names have a public address when they are asked for, and connect to this machine."""
    port = int(host.rpartition(":")[2])
    resolve, connect = socket.getaddrinfo, socket.create_connection

    def public(name: str, *rest: object, **options: object) -> object:
        if name.endswith(".example"):
            return [(0, 0, 0, "", ("93.184.216.34", 0))]
        return resolve(name, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", public)
    monkeypatch.setattr(
        connection, "create_connection", lambda *_, **__: connect(("127.0.0.1", port))
    )


@pytest.mark.usefixtures("rebound")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_redirect_connects_to_no_private_address_whatever_its_name_resolved_to_before(
    host: str, scheme: str
) -> None:
    with pytest.raises(OSError, match=r"^the server redirects into a private network; --follow"):
        RemotePath(f"http://{host}/to/{scheme}://rebound.example/admin").read_bytes()
    assert Host.asked == [(f"/to/{scheme}://rebound.example/admin", None)]


@pytest.mark.usefixtures("rebound")
def test_a_host_that_was_public_cannot_move_into_a_private_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "_PUBLIC", {"pictures.example"})
    with pytest.raises(OSError, match=r"^the server moved into a private network$"):
        RemotePath("http://pictures.example/a.jpg").read_bytes()
    assert Host.asked == []


@pytest.mark.usefixtures("rebound")
def test_a_host_of_a_private_network_may_be_named_and_redirect_to_itself() -> None:
    assert RemotePath("http://inside.example/to/http://inside.example/a.jpg").read_bytes() == b""
    assert [path for path, _ in Host.asked] == ["/to/http://inside.example/a.jpg", "/a.jpg"]


def test_a_host_gets_the_credentials_of_its_address_and_never_those_of_a_netrc(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password secret", "ascii")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    RemotePath(f"http://{host}/to/http://{host}/a").read_bytes()
    assert Host.asked == [(f"/to/http://{host}/a", None), ("/a", None)]
    RemotePath(f"http://user:word@{host}/b").read_bytes()
    assert Host.asked[-1] == ("/b", "Basic " + base64.b64encode(b"user:word").decode())
