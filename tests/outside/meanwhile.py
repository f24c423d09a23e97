"""What others notice while somebody attacks a server: honest searches, and whether it is alive."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2

from tests.outside.process import Served

LIVE_SECONDS = 0.2
# What a machine that is busy with other things may take for a search that takes a fifth of it.
FLOOR_SECONDS = 3.0
TRIES = 3
# Resident bytes that an attack may add: bodies on their way, and searches beside them.
MEMORY = 400 << 20


@dataclass
class Meanwhile:
    """The worst seconds of others' requests, and what went wrong with them."""

    live: float = 0.0
    search: float = 0.0
    wrong: list[int] = field(default_factory=list)


def search_seconds(server: Served, photo: bytes) -> tuple[float, int]:
    """Search once; return how long it took, and its status."""
    start = time.monotonic()
    answer = httpx2.post(f"{server.address}/v1/search", files={"image": photo}, timeout=60)
    return time.monotonic() - start, answer.status_code


def quiet_median(server: Served, photo: bytes) -> float:
    """How long a search takes while nobody attacks."""
    return statistics.median(search_seconds(server, photo)[0] for _ in range(5))


def watched(server: Served, photo: bytes, attack: Callable[[], object]) -> Meanwhile:
    """Attack a server, and return what others notice."""
    noticed, over = Meanwhile(), threading.Event()

    def watch() -> None:
        with httpx2.Client(timeout=60) as client:
            while not over.wait(0.02):
                start = time.monotonic()
                if client.get(f"{server.address}/health/live").status_code != 200:
                    noticed.wrong.append(0)
                noticed.live = max(noticed.live, time.monotonic() - start)

    def search() -> None:
        # Once at least, also where the attack is over at once.
        while True:
            seconds, status = search_seconds(server, photo)
            noticed.search = max(noticed.search, seconds)
            if status != 200:
                noticed.wrong.append(status)
            if over.wait(0.2):
                return

    threads = [threading.Thread(target=work) for work in (watch, search)]
    for thread in threads:
        thread.start()
    try:
        attack()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return noticed


def assert_unnoticed(server: Served, photo: bytes, attack: Callable[[], object]) -> None:
    """Attack a server: others get their answers, and in time.

    What freezes a server does so each time, so that one try that nothing else disturbed is enough.
    """
    allowed, before = max(3 * quiet_median(server, photo), FLOOR_SECONDS), server.memory()
    for _ in range(TRIES):
        noticed = watched(server, photo, attack)
        # 503 is what a search gets that takes too long.
        assert set(noticed.wrong) <= {503}
        assert server.memory() - before < MEMORY
        is_fast = noticed.live <= LIVE_SECONDS and noticed.search <= allowed
        if is_fast and not noticed.wrong:
            return
    raise AssertionError(f"{noticed}, where a search may take {allowed:.1f} s")
