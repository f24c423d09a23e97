"""A web server on this machine that serves pictures well or badly, as its paths ask for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.images.pictures import saved, smooth

PICTURE = saved(smooth(), "JPEG")
TRICKLE_SECONDS = 0.02

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the path's last part; counts and times what it is asked."""

    protocol_version = "HTTP/1.1"
    server: Web

    def do_GET(self) -> None:
        self.server.note(self)
        self.server.answers[self.path.rpartition("/")[2]](self)

    def give(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.begin(len(body), status, **headers)
        self.wfile.write(body)

    def begin(self, length: int, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def first(self) -> bool:
        return self.server.asked[self.path] == 1

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Web(ThreadingHTTPServer):
    """The server; `asked` counts requests by path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = dict(ANSWERS)
        self.asked: Counter[str] = Counter()
        self.agents: set[str | None] = set()
        self.times: list[float] = []
        self._lock = threading.Lock()

    def handle_error(self, *_: object) -> None:
        """Say nothing about clients that are gone."""

    def note(self, handler: Handler) -> None:
        with self._lock:
            self.asked[handler.path] += 1
            self.agents.add(handler.headers["User-Agent"])
            self.times.append(time.monotonic())

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}/{path}"


def _cut(handler: Handler) -> None:
    handler.begin(len(PICTURE))
    handler.wfile.write(PICTURE[: len(PICTURE) // 2])
    handler.close_connection = True


def _trickle(handler: Handler) -> None:
    handler.begin(len(PICTURE))
    for byte in PICTURE:
        handler.wfile.write(bytes([byte]))
        time.sleep(TRICKLE_SECONDS)


def _open_end(handler: Handler) -> None:
    """Half a picture with nothing that says how long it should be."""
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(PICTURE[: len(PICTURE) // 2])
    handler.close_connection = True


def _redirect(to: str) -> Answer:
    return lambda handler: handler.give(b"", 302, Location=to)


ANSWERS: dict[str, Answer] = {
    "ok": lambda handler: handler.give(PICTURE),
    "png": lambda handler: handler.give(saved(smooth(), "PNG"), Content_Type="image/jpeg"),
    "404": lambda handler: handler.give(b"gone", 404),
    "500": lambda handler: handler.give(b"", 500),
    "500-once": lambda handler: handler.give(*((b"", 500) if handler.first() else (PICTURE,))),
    "html": lambda handler: handler.give(b"<!DOCTYPE html><title>Sorry</title>"),
    "dot": lambda handler: handler.give(saved(smooth(1, 1), "GIF")),
    "empty": lambda handler: handler.give(b""),
    "large": lambda handler: handler.begin(1 << 40),
    "cut": _cut,
    "cut-once": lambda handler: _cut(handler) if handler.first() else handler.give(PICTURE),
    "open-end": _open_end,
    "trickle": _trickle,
    "redirect": _redirect("/ok"),
    "redirect-file": _redirect("file:///etc/hostname"),
    "redirect-ftp": _redirect("ftp://127.0.0.1/x.jpg"),
    "redirect-bad": _redirect("http://[/x.jpg"),
    "redirect-port": _redirect("http://127.0.0.1:1/x.jpg"),
    "redirect-private": _redirect("http://169.254.169.254/x.jpg"),
    "redirect-round": _redirect("redirect-round"),
}


@contextmanager
def serving() -> Iterator[Web]:
    """Run the server while the block runs."""
    web = Web()
    thread = threading.Thread(target=web.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
