"""Prometheus metrics of the work queues."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import mark_process_dead

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class QueueMetrics:
    """The metrics of all queues of a server; a queue tells them under its name.

    Args:
        registry: of the server.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tasks = Gauge(
            "beautylens_queue_tasks",
            "Tasks that are running or waiting, by queue.",
            ("queue",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._waited = Histogram(
            "beautylens_queue_wait_seconds",
            "Seconds that tasks waited for a thread, by queue.",
            ("queue",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._refused = Counter(
            "beautylens_queue_refused",
            "Tasks without a result, by queue and reason: full or late.",
            ("queue", "reason"),
            registry=registry,
        )

    def taken(self, queue: str, tasks: int) -> None:
        """Note how many tasks are running or waiting."""
        self._tasks.labels(queue).set(tasks)

    def waited(self, queue: str, seconds: float) -> None:
        """Note how long a task waited for a thread."""
        self._waited.labels(queue).observe(seconds)

    def refused(self, queue: str, reason: str) -> None:
        """Count a task that was refused by a full queue, or had no result in time."""
        self._refused.labels(queue, reason).inc()


def forget_dead_processes(shared: str) -> None:
    """Leave the tasks of worker processes that ended out of the sums.

    Args:
        shared: the folder in which worker processes share their metrics.
    """
    if os.name != "posix":
        # Elsewhere looking for a process may end it.
        return
    for file in Path(shared).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, shared)  # type: ignore[no-untyped-call]  # it has no types
        except PermissionError:
            continue
