"""Dealing work to the machines of a Ray cluster, some of whose processes are killed at it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from beautylens.errors import CollectionError

Task = TypeVar("Task")
# Cores of a worker: it has one copy of the network for all of them.
_CORES = 4
# How often a task may kill its worker: the first time it may have been the machine's fault.
_TRIES = 2
# Killed one after the other without one task done, beside one for each worker: a machine that goes
# takes all of its workers with it.
_IN_A_ROW = 10
# Between two looks at the clock while nothing is done.
_TICK_SECONDS = 5.0


class WorkerPool:
    """Workers on the machines of a cluster; one that is killed is replaced by a new one.

    Args:
        ray: connected.
        start: starts a worker, an actor of Ray, with so many cores and GPUs.
    """

    def __init__(self, ray: Any, start: Callable[[int, int], Any]) -> None:
        self._ray, self._start = ray, start
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        self._cores, self._gpus, self.size = team(nodes)
        self._idle: list[Any] = []
        # A worker, its task and how often that has been tried; no task for one that starts.
        self._busy: dict[Any, tuple[Any, Any, int]] = {}
        self._killed = 0

    def deal(self, method: str, tasks: Iterable[Task]) -> Iterator[tuple[Task, Any] | None]:
        """Yield each task with what a worker's method made of it, as it comes.

        A task that kills its workers comes with None. None alone is yielded every few seconds in
        which nothing is done.

        Raises:
            CollectionError: when workers are killed again and again, whatever the task.
            RayError: when a worker cannot start, or raises an error.
        """
        coming, waiting = iter(tasks), deque[tuple[Task, int]]()
        while True:
            waiting.extend((task, 0) for task in islice(coming, max(0, self.size - len(waiting))))
            if waiting and self._idle:
                self._hand_over(method, self._idle.pop(), *waiting.popleft())
                continue
            if not waiting and all(task is None for _, task, _ in self._busy.values()):
                return
            self._fill_up(len(waiting))
            ready, _ = self._ray.wait(list(self._busy), timeout=_TICK_SECONDS)
            if not ready:
                yield None
            for reference in ready:
                task, tries, made = self._take_back(reference)
                if task is None:
                    continue
                if made is None and tries < _TRIES:
                    waiting.append((task, tries))
                else:
                    yield task, made

    def _hand_over(self, method: str, worker: Any, task: Any, tries: int) -> None:
        self._busy[getattr(worker, method).remote(task)] = worker, task, tries + 1

    def _fill_up(self, waiting: int) -> None:
        """Start workers for tasks that wait; those that there is no room for stay at starting."""
        starting = sum(task is None for _, task, _ in self._busy.values())
        missing = self.size - len(self._idle) - len(self._busy)
        for _ in range(min(missing, waiting - starting)):
            worker = self._start(self._cores, self._gpus)
            self._busy[worker.__ray_ready__.remote()] = worker, None, 0

    def _take_back(self, reference: Any) -> tuple[Any, int, Any]:
        """Return the task that a worker had, how often it was tried, and what came of it."""
        worker, task, tries = self._busy.pop(reference)
        try:
            made = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            if error.actor_init_failed:
                raise
            self._killed += 1
            if self._killed > _IN_A_ROW + self.size:
                raise CollectionError(
                    f"{self._killed} workers of the cluster were killed one after the other; give "
                    "its machines more memory, or look into Ray's logs on them"
                ) from error
            return task, tries, None
        self._idle.append(worker)
        if task is not None:
            self._killed = 0
        return task, tries, made


def team(nodes: Sequence[Mapping[str, float]]) -> tuple[int, int, int]:
    """Return the cores and GPUs of a worker, and how many workers the machines of a cluster make.

    Where any machine has GPUs, each GPU gets a worker with its share of the cores, and machines
    without are left to others: the network is what GPUs were brought for. Small machines are left
    out where there are larger ones: their cores do not pay for a copy of the network on each.
    """
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if with_gpus:
        shares = [int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus]
        return max(1, min(shares)), 1, sum(int(node["GPU"]) for node in with_gpus)
    each = [int(node.get("CPU", 0)) for node in nodes]
    enough = [count for count in each if count >= _CORES] or list(filter(None, each)) or [1]
    cores = min(_CORES, *enough)
    return cores, 0, sum(count // cores for count in enough)
