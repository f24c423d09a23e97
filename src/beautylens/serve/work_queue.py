"""Work queues: tasks run in threads, a limited number waits, and others get 429."""

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
# A task counts as stuck after this many times the timeout.
STUCK = 2.0


class WorkQueue:
    """A thread pool with a bounded queue and a timeout.

    Args:
        threads: number of threads.
        waiting: maximum number of waiting tasks.
        seconds: timeout, after which the client gets 503.
        finish: whether to wait for a running task beyond the timeout.
    """

    def __init__(self, threads: int, waiting: int, seconds: float, *, finish: bool = False) -> None:
        self._room, self._threads, self._seconds = threads + waiting, threads, seconds
        self._finish = finish
        self._pool = ThreadPoolExecutor(threads, "queue")
        self._usual = 0.2  # moving average of a task's seconds
        self._begun: dict[int, float] = {}
        self._numbers = itertools.count()
        self.taken = 0
        """Number of tasks that are running or waiting."""

    @property
    def stuck(self) -> int:
        """Number of tasks that are still running long after their timeout.

        Threads cannot be stopped, so each of them blocks a thread.
        """
        if self._finish:
            return 0
        latest = time.monotonic() - STUCK * self._seconds
        return sum(start < latest for start in tuple(self._begun.values()))

    async def do(self, work: Callable[[], Result]) -> Result:
        """Run a task, and return its result.

        Raises:
            HTTPProblem: 429 when the queue is full, 503 after the timeout.
        """
        if self.taken >= self._room:
            seconds = math.ceil(self.taken * self._usual / self._threads)
            raise HTTPProblem(
                429,
                "busy",
                f"too many requests are waiting; try again in {seconds} seconds",
                {"Retry-After": str(seconds)},
            )
        self.taken += 1
        job = self._pool.submit(self._timed, work)
        future = asyncio.wrap_future(job)
        future.add_done_callback(self._release)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            # A task that has not started is cancelled, because nobody waits for it.
            if not job.cancel() and self._finish:
                return await future
            raise HTTPProblem(
                503,
                "too-slow",
                f"the request took longer than {self._seconds:g} seconds; try again, or send a "
                "smaller picture",
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
        # Marks the exception as retrieved, if nobody waits for the task any more.
        if not done.cancelled():
            done.exception()

    def close(self) -> None:
        """Finish running tasks, and cancel waiting ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)
