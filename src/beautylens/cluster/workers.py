"""A worker pool on a Ray cluster that survives workers that are killed or hang.

Actors, and not Ray Data: its `map_batches` on an actor pool keeps networks loaded as well, but a
batch that kills its worker, or never ends, fails the job or is dropped whole, where here its
pictures are tried one by one and the culprit is a failure of the collection; its results are
committed at the end of a job, where here each block can be when it is done, so that a build
resumes; and it moves results through the object store, where here workers write fragments.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
# Between two looks for machines that joined or left.
_LOOK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Work:
    """What a worker does: a task, or none while it starts; until when, and for which time."""

    worker: Any
    task: Any
    tries: int
    deadline: float


class WorkerPool:
    """Workers on the machines of a cluster; one that is killed or hangs is replaced.

    Args:
        ray: the connected module.
        start: starts a worker, a Ray actor, with a number of cores and GPUs.
        clock: returns the time in seconds.

    Attributes:
        size: the number of workers that the machines have room for; grows when machines join.
    """

    def __init__(
        self,
        ray: Any,
        start: Callable[[int, int], Any],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ray, self._start, self._clock = ray, start, clock
        self._cores, self._gpus, self.size = pool_size(self._machines())
        self._looked = clock()
        self._idle: list[Any] = []
        # By reference.
        self._busy: dict[Any, _Work] = {}
        self._killed = 0

    def map_unordered(
        self, method: str, tasks: Iterable[Task], patience: Callable[[Task], float]
    ) -> Iterator[tuple[Task, Any] | None]:
        """Yield each task with the result of a worker's method, as they are completed.

        A task that kills its workers, or takes too long, has the result None. None alone is yielded
        after every few seconds without a result.

        Args:
            method: of the workers.
            tasks: each is the method's argument.
            patience: the seconds that a worker may take for a task.

        Raises:
            CollectionError: when workers are killed repeatedly, whatever the task.
            RayError: when a worker cannot start, or raises an error.
        """
        coming, waiting = iter(tasks), deque[tuple[Task, int]]()
        while True:
            self._look()
            waiting.extend((task, 0) for task in islice(coming, max(0, self.size - len(waiting))))
            if waiting and self._idle:
                task, tries = waiting.popleft()
                self._submit(method, task, tries + 1, patience(task))
                continue
            if not waiting and all(work.task is None for work in self._busy.values()):
                return
            self._start_workers(len(waiting))
            ready, _ = self._ray.wait(list(self._busy), timeout=_TICK_SECONDS)
            if not ready:
                yield None
            ended = [self._collect(reference) for reference in ready]
            for work, made in [*ended, *((work, None) for work in self._stop_hanging())]:
                if work.task is None:
                    continue
                if made is None and work.tries < _TRIES:
                    waiting.append((work.task, work.tries))
                else:
                    yield work.task, made

    def _machines(self) -> list[Mapping[str, float]]:
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]]

    def _look(self) -> None:
        """Count the machines again, once in a while."""
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            self.size = max(1, worker_count(self._machines(), self._cores, self._gpus))

    def _submit(self, method: str, task: Any, tries: int, seconds: float) -> None:
        worker = self._idle.pop()
        work = _Work(worker, task, tries, self._clock() + seconds)
        self._busy[getattr(worker, method).remote(task)] = work

    def _start_workers(self, waiting: int) -> None:
        """Start workers for waiting tasks; without free resources they remain starting."""
        starting = sum(work.task is None for work in self._busy.values())
        missing = self.size - len(self._idle) - len(self._busy)
        for _ in range(min(missing, waiting - starting)):
            worker = self._start(self._cores, self._gpus)
            self._busy[worker.__ray_ready__.remote()] = _Work(worker, None, 0, math.inf)

    def _collect(self, reference: Any) -> tuple[_Work, Any]:
        """Return what a worker did, and the result."""
        work = self._busy.pop(reference)
        try:
            made = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            if error.actor_init_failed:
                raise
            self._count_killed(error)
            return work, None
        self._idle.append(work.worker)
        if work.task is not None:
            self._killed = 0
        return work, made

    def _stop_hanging(self) -> list[_Work]:
        """Kill the workers that take too long; return what they did."""
        now = self._clock()
        late = [reference for reference, work in self._busy.items() if now >= work.deadline]
        stopped = [self._busy.pop(reference) for reference in late]
        for work in stopped:
            self._ray.kill(work.worker)
            self._count_killed(None)
        return stopped

    def _count_killed(self, cause: Exception | None) -> None:
        self._killed += 1
        if self._killed > _MAX_KILLED + self.size:
            raise CollectionError(
                f"{self._killed} workers of the cluster were killed or hung in a row; give its "
                "machines more memory, or check Ray's logs on them"
            ) from cause


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


def worker_count(nodes: Sequence[Mapping[str, float]], cores: int, gpus: int) -> int:
    """Return the number of workers of that many cores and GPUs that machines have room for."""
    if gpus:
        return sum(
            min(int(node.get("GPU", 0)) // gpus, int(node.get("CPU", 1)) // cores) for node in nodes
        )
    return sum(int(node.get("CPU", 0)) // cores for node in nodes)
