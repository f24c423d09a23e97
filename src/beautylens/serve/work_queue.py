"""Work off the event loop: some at once, some waiting, the rest refused."""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from beautylens.serve.problems import HTTPProblem

Result = TypeVar("Result")
# How many times the deadline a piece of work may run before it counts as stuck.
STUCK = 2.0


class WorkQueue:
    """Takes work while there is room for it, and gives up what takes too long.

    Args:
        threads: pieces of work done at once.
        waiting: pieces that may wait for their turn.
        seconds: after which a client is told that it took too long.
        finish: whether work that has begun is waited for however long it takes.
    """

    def __init__(self, threads: int, waiting: int, seconds: float, *, finish: bool = False) -> None:
        self._room, self._threads, self._seconds = threads + waiting, threads, seconds
        self._finish = finish
        self._pool = ThreadPoolExecutor(threads, "queue")
        self._usual = 0.2  # seconds that a piece of work takes lately
        self._begun: dict[int, float] = {}
        self._numbers = itertools.count()
        self.taken = 0
        """Pieces of work that run or wait."""

    @property
    def stuck(self) -> int:
        """Pieces of work that still run long after their clients were told that they took too long.

        Threads cannot be stopped: each keeps one of them from the work of others.
        """
        if self._finish:
            return 0
        latest = time.monotonic() - STUCK * self._seconds
        return sum(start < latest for start in tuple(self._begun.values()))

    async def do(self, work: Callable[[], Result]) -> Result:
        """Return what the work returns.

        Raises:
            HTTPProblem: 429 when too many wait already, 503 when the work took too long.
        """
        if self.taken >= self._room:
            seconds = math.ceil(self.taken * self._usual / self._threads)
            raise HTTPProblem(
                429,
                "busy",
                f"too many requests wait already; try again in {seconds} seconds",
                {"Retry-After": str(seconds)},
            )
        self.taken += 1
        job = self._pool.submit(self._timed, work)
        future = asyncio.wrap_future(job)
        future.add_done_callback(self._release)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            # Work that has not begun is taken back, so that nobody's is done for nobody.
            if not job.cancel() and self._finish:
                return await future
            raise HTTPProblem(
                503,
                "too-slow",
                f"this took longer than {self._seconds:g} seconds; try again, with a smaller "
                "picture if it is large",
                {"Retry-After": "5"},
            ) from None

    def _timed(self, work: Callable[[], Result]) -> Result:
        number, start = next(self._numbers), time.monotonic()
        self._begun[number] = start
        try:
            return work()
        finally:
            del self._begun[number]
            self._usual += 0.1 * (time.monotonic() - start - self._usual)

    def _release(self, done: asyncio.Future[Any]) -> None:
        self.taken -= 1
        # An error that nobody waits for any more is of no interest.
        if not done.cancelled():
            done.exception()

    def close(self) -> None:
        """Finish what has begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)
