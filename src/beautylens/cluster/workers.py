"""A worker pool on a Ray cluster that survives killed workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from beautylens.errors import CollectionError

Task = TypeVar("Task")
# Cores of a worker, which share one copy of the network.
_CORES = 4
# Attempts at a task that kills its worker: the first time may be the machine's fault.
_TRIES = 2
# Workers that may be killed without one task done, in addition to one each: a machine that fails
# takes all its workers with it.
_MAX_KILLED = 10
# Seconds after which control returns to the caller if no task is done.
_TICK_SECONDS = 5.0


class WorkerPool:
    """Workers on the machines of a cluster; a killed one is replaced.

    Args:
        ray: the connected module.
        start: starts a worker, a Ray actor, with a number of cores and GPUs.
    """

    def __init__(self, ray: Any, start: Callable[[int, int], Any]) -> None:
        self._ray, self._start = ray, start
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        self._cores, self._gpus, self.size = pool_size(nodes)
        self._idle: list[Any] = []
        # By reference: the worker, its task and the number of attempts; None while it starts.
        self._busy: dict[Any, tuple[Any, Any, int]] = {}
        self._killed = 0

    def map_unordered(
        self, method: str, tasks: Iterable[Task]
    ) -> Iterator[tuple[Task, Any] | None]:
        """Yield each task with the result of a worker's method, as they are completed.

        A task that kills its workers has the result None. None alone is yielded after every few
        seconds without a result.

        Raises:
            CollectionError: when workers are killed repeatedly, whatever the task.
            RayError: when a worker cannot start, or raises an error.
        """
        coming, waiting = iter(tasks), deque[tuple[Task, int]]()
        while True:
            waiting.extend((task, 0) for task in islice(coming, max(0, self.size - len(waiting))))
            if waiting and self._idle:
                self._submit(method, self._idle.pop(), *waiting.popleft())
                continue
            if not waiting and all(task is None for _, task, _ in self._busy.values()):
                return
            self._start_workers(len(waiting))
            ready, _ = self._ray.wait(list(self._busy), timeout=_TICK_SECONDS)
            if not ready:
                yield None
            for reference in ready:
                task, tries, made = self._collect(reference)
                if task is None:
                    continue
                if made is None and tries < _TRIES:
                    waiting.append((task, tries))
                else:
                    yield task, made

    def _submit(self, method: str, worker: Any, task: Any, tries: int) -> None:
        self._busy[getattr(worker, method).remote(task)] = worker, task, tries + 1

    def _start_workers(self, waiting: int) -> None:
        """Start workers for waiting tasks; without free resources they remain starting."""
        starting = sum(task is None for _, task, _ in self._busy.values())
        missing = self.size - len(self._idle) - len(self._busy)
        for _ in range(min(missing, waiting - starting)):
            worker = self._start(self._cores, self._gpus)
            self._busy[worker.__ray_ready__.remote()] = worker, None, 0

    def _collect(self, reference: Any) -> tuple[Any, int, Any]:
        """Return the task of a worker, the number of attempts, and the result."""
        worker, task, tries = self._busy.pop(reference)
        try:
            made = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            if error.actor_init_failed:
                raise
            self._killed += 1
            if self._killed > _MAX_KILLED + self.size:
                raise CollectionError(
                    f"{self._killed} workers of the cluster were killed in a row; give its "
                    "machines more memory, or check Ray's logs on them"
                ) from error
            return task, tries, None
        self._idle.append(worker)
        if task is not None:
            self._killed = 0
        return task, tries, made


def pool_size(nodes: Sequence[Mapping[str, float]]) -> tuple[int, int, int]:
    """Return the cores and GPUs of a worker, and the number of workers of a cluster.

    If any machine has GPUs, each GPU gets a worker with its share of the cores, and machines
    without GPUs are not used. Small machines are not used beside larger ones, since each needs a
    copy of the network.
    """
    with_gpus = [node for node in nodes if node.get("GPU", 0) >= 1]
    if with_gpus:
        shares = [int(node.get("CPU", 1) // node["GPU"]) for node in with_gpus]
        return max(1, min(shares)), 1, sum(int(node["GPU"]) for node in with_gpus)
    each = [int(node.get("CPU", 0)) for node in nodes]
    enough = [count for count in each if count >= _CORES] or list(filter(None, each)) or [1]
    cores = min(_CORES, *enough)
    return cores, 0, sum(count // cores for count in enough)
