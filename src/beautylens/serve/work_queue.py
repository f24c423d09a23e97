"""Work queues: tasks run in threads, a limited number waits, and others get 429."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import math
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePath
from typing import Any, TypeVar

from beautylens.serve.problems import HTTPProblem
from beautylens.serve.queue_metrics import QueueMetrics

Result = TypeVar("Result")
# A task counts as stuck after this many times the timeout.
STUCK = 2.0
# Number of calls, innermost first, that the log names of a task that takes too long.
_CALLS = 4


class WorkQueue:
    """A thread pool with a bounded queue and a timeout.

    Args:
        threads: number of threads.
        waiting: maximum number of waiting tasks.
        seconds: timeout, after which the client gets 503.
        finish: whether to wait for a running task beyond the timeout.
        name: in the metrics.
        metrics: is told about tasks; None for none.
    """

    def __init__(
        self,
        threads: int,
        waiting: int,
        seconds: float,
        *,
        finish: bool = False,
        name: str = "",
        metrics: QueueMetrics | None = None,
    ) -> None:
        self._room, self._threads, self._seconds = threads + waiting, threads, seconds
        self._finish, self._name, self._metrics = finish, name, metrics
        self._pool = ThreadPoolExecutor(threads, "queue")
        self._usual = 0.2  # moving average of a task's seconds
        self._begun: dict[int, tuple[float, int]] = {}  # its start, and its thread
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
        return sum(start < latest for start, _ in tuple(self._begun.values()))

    async def do(self, work: Callable[[], Result]) -> Result:
        """Run a task, and return its result.

        Raises:
            HTTPProblem: 429 when the queue is full, 503 after the timeout.
        """
        if self.taken >= self._room:
            self._refused("full")
            seconds = math.ceil(self.taken * self._usual / self._threads)
            raise HTTPProblem(
                429,
                "busy",
                f"too many requests are waiting; try again in {seconds} seconds",
                {"Retry-After": str(seconds)},
            )
        self._count(1)
        number = next(self._numbers)
        # The task's lines of the log have the id of its request.
        job = self._pool.submit(
            contextvars.copy_context().run, self._timed, number, work, time.monotonic()
        )
        future = asyncio.wrap_future(job)
        future.add_done_callback(self._release)
        try:
            return await asyncio.wait_for(asyncio.shield(future), self._seconds)
        except TimeoutError:
            cause = self._cause(number)
            # A task that has not started is cancelled, because nobody waits for it.
            if not job.cancel() and self._finish:
                return await future
            self._refused("late")
            raise HTTPProblem(
                503,
                "too-slow",
                f"the server had no answer within {self._seconds:g} seconds, because it is busy or "
                "its storage is slow; try again in a few seconds",
                {"Retry-After": "5"},
                cause,
            ) from None

    def _cause(self, number: int) -> str:
        """Return what a task spends its time with."""
        begun = dict(self._begun)
        late = f"no answer within {self._seconds:g} seconds"
        if number in begun:
            return f"{late}; running: {_calls(begun[number][1])}"
        if not begun:
            return late
        start, thread = min(begun.values())
        oldest = f"the oldest for {time.monotonic() - start:.0f} seconds: {_calls(thread)}"
        return f"{late}; waited for {len(begun)} running tasks, {oldest}"

    def _timed(self, number: int, work: Callable[[], Result], submitted: float) -> Result:
        start = time.monotonic()
        if self._metrics is not None:
            self._metrics.waited(self._name, start - submitted)
        self._begun[number] = start, threading.get_ident()
        try:
            return work()
        finally:
            del self._begun[number]
            self._usual += 0.1 * (time.monotonic() - start - self._usual)

    def _release(self, done: asyncio.Future[Any]) -> None:
        self._count(-1)
        # Marks the exception as retrieved, if nobody waits for the task any more.
        if not done.cancelled():
            done.exception()

    def _count(self, more: int) -> None:
        self.taken += more
        if self._metrics is not None:
            self._metrics.taken(self._name, self.taken)

    def _refused(self, reason: str) -> None:
        if self._metrics is not None:
            self._metrics.refused(self._name, reason)

    def close(self) -> None:
        """Finish running tasks, and cancel waiting ones."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _calls(thread: int) -> str:
    """Return the innermost calls of a thread, such as `store/table.py:80 (take)`."""
    frame = sys._current_frames().get(thread)
    calls = traceback.extract_stack(frame)[-_CALLS:] if frame else []
    lines = [
        f"{'/'.join(PurePath(call.filename).parts[-2:])}:{call.lineno} ({call.name})"
        for call in reversed(calls)
    ]
    return " in ".join(lines)
