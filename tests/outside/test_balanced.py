"""Several servers over one collection, behind nginx: restarted one by one, nobody notices."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from beautylens.collection import Collection
from tests.conftest import Shop
from tests.outside.balanced import NGINX, balanced, free_port
from tests.outside.process import Served, start, until
from tests.serve.conftest import KEY, WRITER

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")


def ready(server: Served) -> bool:
    return httpx2.get(f"{server.address}/health/ready", timeout=30).status_code == 200


def test_servers_are_restarted_one_by_one_without_a_failed_request(
    collection: Collection, shop: Shop, tmp_path: Path
) -> None:
    own = shutil.copytree(collection.gallery.address, tmp_path / "own.lens")
    ports = [free_port(), free_port()]
    servers = [start(own, port=port, key=KEY) for port in ports]
    photo, picture = shop.photo(1).read_bytes(), shop.picture(6).read_bytes()
    stopped = False

    def asking(request: Callable[[str], httpx2.Response]) -> list[int]:
        answered = []
        while not stopped:
            answered.append(request(address).status_code)
        return answered

    def search(address: str) -> httpx2.Response:
        # As the page itself asks.
        return httpx2.post(
            f"{address}/v1/search", headers={"Origin": address}, files={"image": photo}, timeout=60
        )

    def write(address: str) -> httpx2.Response:
        time.sleep(0.5)
        return httpx2.put(
            f"{address}/v1/products/new", headers=WRITER, files={"image": picture}, timeout=60
        )

    try:
        with balanced(ports, tmp_path) as address, ThreadPoolExecutor(3) as pool:
            running = [pool.submit(asking, each) for each in (search, search, write)]
            try:
                for place, port in enumerate(ports):
                    time.sleep(1)
                    assert servers[place].stop() == 0
                    time.sleep(1)
                    servers[place] = start(own, port=port, key=KEY)
                    until(lambda place=place: ready(servers[place]))
                time.sleep(1)
            finally:
                stopped = True
            answered = [each.result() for each in running]
    finally:
        for server in servers:
            server.process.kill()
            server.process.wait()
    assert [set(each) for each in answered] == [{200}] * 3
    assert min(map(len, answered)) > 3


class Failing(BaseHTTPRequestHandler):
    """A server whose vector cluster is down: it answers at once, with 503."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_fails_at_once_costs_no_request_while_another_works(
    collection: Collection, tmp_path: Path
) -> None:
    failing = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    failing.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=failing.serve_forever, daemon=True).start()
    server = start(Path(collection.gallery.address), key=KEY)
    try:
        with balanced([failing.server_port, server.port], tmp_path) as address:
            sent = {"X-Request-ID": "asked-by-the-test"}
            answers = [
                httpx2.get(f"{address}/v1/collection", headers=sent, timeout=60) for _ in range(40)
            ]
            closed = httpx2.get(f"{address}/metrics", headers=WRITER)
            new = httpx2.get(f"{address}/health/live").headers["X-Request-ID"]
    finally:
        failing.shutdown()
        server.process.kill()
        server.process.wait()
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["X-Request-ID"] for answer in answers} == {"asked-by-the-test"}
    assert failing.asked  # type: ignore[attr-defined]
    assert closed.status_code == 404
    assert len(bytes.fromhex(new)) == 16
