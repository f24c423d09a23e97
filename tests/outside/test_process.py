"""A server as a process: one line, several workers, and an end that loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from beautylens.collection import Collection, open_collection
from tests.conftest import Shop
from tests.outside.other_system import hide
from tests.outside.process import served, start, until
from tests.serve.conftest import KEY, WRITER


@pytest.fixture
def own(collection: Collection, tmp_path: Path) -> Path:
    """A copy of the shop's collection for one test."""
    return Path(shutil.copytree(collection.gallery.address, tmp_path / "own.lens"))


def put(address: str, product: str, picture: bytes) -> int:
    return httpx2.put(
        f"{address}/v1/products/{product}", headers=WRITER, files={"image": picture}, timeout=60
    ).status_code


def test_all_workers_see_a_change_at_once_and_count_together(own: Path, shop: Shop) -> None:
    picture = shop.picture(7).read_bytes()
    with served(own, "--workers", "2", key=KEY) as server:
        for number in range(3):
            assert put(server.address, f"n{number}", picture) == 200
            # New connections, so that both workers are asked.
            for _ in range(6):
                there = httpx2.get(f"{server.address}/v1/products/n{number}")
                assert there.status_code == 200
        text = httpx2.get(f"{server.address}/metrics", headers=WRITER).text
        asked = 'method="GET",route="/v1/products/{product_id:path}",status="200"} 18.0'
        assert asked in text
        assert server.stop() == 0


def test_writers_of_one_product_through_two_workers_leave_it_whole(own: Path, shop: Shop) -> None:
    pictures = [shop.picture(number).read_bytes() for number in range(4)]

    def turn(number: int) -> int:
        address = f"{server.address}/v1/products/one"
        if number % 3 == 2:
            return httpx2.delete(address, headers=WRITER, timeout=60).status_code
        return put(server.address, "one", pictures[number % 4])

    with served(own, "--workers", "2", key=KEY) as server:
        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(turn, range(24))) <= {200, 204, 404}
        assert put(server.address, "one", pictures[0]) == 200
        image = httpx2.get(f"{server.address}/v1/products/one/image")
        assert image.status_code == 200
        assert len([file for file in (own / "pictures").rglob("*") if file.is_file()]) == 1


def test_told_to_stop_it_finishes_what_it_took(own: Path, shop: Shop) -> None:
    photo = shop.photo(0).read_bytes()
    with served(own, key=KEY) as server, ThreadPoolExecutor(4) as pool:
        search = f"{server.address}/v1/search"
        running = [
            pool.submit(httpx2.post, search, files={"image": photo}, timeout=60) for _ in range(4)
        ]
        time.sleep(0.3)
        code = server.stop()
        assert [each.result().status_code for each in running] == [200] * 4
        assert code == 0
        assert server.process.stderr.read() == ""


def test_a_server_told_to_log_json_writes_a_line_per_request(own: Path) -> None:
    with served(own, "--log", "json") as server:
        answer = httpx2.get(f"{server.address}/v1/products/p00", headers={"X-Request-ID": "r-1"})
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.process.stderr.read().splitlines()]
    assert answer.headers["X-Request-ID"] == "r-1"
    (said,) = [line for line in lines if line["id"] == "r-1"]
    assert (said["route"], said["status"]) == ("/v1/products/{product_id:path}", 200)


def test_a_search_that_never_ends_makes_it_not_ready_and_keeps_it_from_no_end(
    own: Path, shop: Shop
) -> None:
    photo = {"image": shop.photo(0).read_bytes()}
    with served(own, "--seconds", "1", module="tests.outside.stuck") as server:
        search, ready = f"{server.address}/v1/search", f"{server.address}/health/ready"
        assert httpx2.get(ready).status_code == 200
        given_up = httpx2.post(search, files=photo, data={"words": "stuck"}, timeout=60)
        assert given_up.status_code == 503
        until(lambda: "stuck" in httpx2.get(ready).text)
        assert httpx2.get(f"{server.address}/health/live").status_code == 200
        assert server.stop() == 1
        assert "unfinished work" in server.process.stderr.read()


def test_killed_under_load_it_loses_no_accepted_write(own: Path, shop: Shop) -> None:
    accepted: list[str] = []
    server = start(own, key=KEY)

    def write(writer: int) -> None:
        picture = shop.picture(writer).read_bytes()
        for number in range(100):
            try:
                if put(server.address, f"w{writer}-{number}", picture) == 200:
                    accepted.append(f"w{writer}-{number}")
            except httpx2.TransportError:
                return

    writers = [threading.Thread(target=write, args=(number,)) for number in (1, 2)]
    for thread in writers:
        thread.start()
    while len(accepted) < 5:
        time.sleep(0.05)
    os.kill(server.process.pid, signal.SIGKILL)
    for thread in writers:
        thread.join()
    server.process.wait()
    # The same address at once: nothing of the killed one holds it.
    again = start(own, port=server.port, key=KEY)
    try:
        for product in accepted:
            assert httpx2.get(f"{again.address}/v1/products/{product}").status_code == 200
            image = httpx2.get(f"{again.address}/v1/products/{product}/image")
            assert image.status_code == 200
        assert put(again.address, "after", shop.picture(3).read_bytes()) == 200
    finally:
        again.stop()
    assert open_collection(own).gallery.products.known(accepted) == set(accepted)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "0.0.0.0"], "write key"),  # noqa: S104  (refused)
        (["--host", "no.such.host.invalid"], "write key"),
        (["--key-file", "missing.key"], "missing.key"),
        (["--port", "99999"], "--port"),
    ],
)
def test_what_cannot_be_started_says_why(own: Path, options: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "beautylens", "serve", str(own), *options],
        capture_output=True, text=True, check=False, cwd=own.parent,
        env={name: value for name, value in os.environ.items() if name != "BEAUTYLENS_KEY"},
    )  # fmt: skip
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_and_a_missing_collection_are_told(own: Path, tmp_path: Path) -> None:
    with served(own) as server:
        for address, said in ((own, "cannot listen on"), (tmp_path / "no", "no collection")):
            done = subprocess.run(
                [sys.executable, "-m", "beautylens", "serve", str(address),
                 "--port", str(server.port)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 1
            assert said in done.stderr


def test_a_server_needs_nothing_that_only_linux_has(
    own: Path, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(tmp_path, monkeypatch)
    with served(own, key=KEY) as server:
        assert put(server.address, "new", shop.picture(7).read_bytes()) == 200
        photo = {"image": shop.photo(0).read_bytes()}
        answer = httpx2.post(f"{server.address}/v1/search", files=photo, timeout=60)
        assert answer.status_code == 200
        assert len(answer.json()["matches"]) == 7
