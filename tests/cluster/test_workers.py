"""Dealing work to workers that are killed, without a cluster: what comes back, and when it ends."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from beautylens.cluster.workers import WorkerPool, pool_size
from beautylens.errors import CollectionError


@pytest.mark.parametrize(
    ("nodes", "made"),
    [
        ([{"CPU": 2}], (2, 0, 1)),
        ([{"CPU": 1}, {"CPU": 1}], (1, 0, 2)),
        ([{"CPU": 1}, {"CPU": 64}, {"CPU": 3}], (4, 0, 16)),
        ([{"CPU": 64}, {"CPU": 16}, {"memory": 9}], (4, 0, 20)),
        ([{"CPU": 64, "GPU": 4}, {"CPU": 16, "GPU": 2}, {"CPU": 64}], (8, 1, 6)),
        ([{"GPU": 1}], (1, 1, 1)),
        ([{"memory": 9}], (1, 0, 1)),
    ],
)
def test_the_machines_of_a_cluster_make_a_team(
    nodes: list[dict[str, float]], made: tuple[int, int, int]
) -> None:
    assert pool_size(nodes) == made


def patient(_: object) -> float:
    return 100.0


class KilledError(Exception):
    actor_init_failed = False


class FakeRay:
    """Two machines; a call is made when its answer is asked for, and some calls kill."""

    exceptions = SimpleNamespace(RayActorError=KilledError)

    def __init__(self, kills: dict[Any, int], hangs: dict[Any, int] | None = None) -> None:
        self.kills, self.calls, self.started = Counter(kills), Counter[Any](), 0
        self.hangs, self.stopped = Counter(hangs or {}), 0
        self.quiet, self.machines, self.now = 2, 2, 0.0

    def clock(self) -> float:
        return self.now

    def kill(self, worker: object) -> None:
        self.stopped += 1

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 1}}] * self.machines

    def start(self, cores: int, gpus: int) -> SimpleNamespace:
        self.started += 1
        ready, square = self.method(lambda: None), self.method(self.square)
        return SimpleNamespace(__ray_ready__=ready, square=square)

    def method(self, function: Any) -> SimpleNamespace:
        return SimpleNamespace(remote=lambda *given: Reference(function, given))

    def square(self, number: int) -> int:
        self.calls[number] += 1
        if self.kills[number]:
            self.kills[number] -= 1
            raise KilledError
        return number**2

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        self.now += timeout
        going = [each for each in references if not self._hangs(each)]
        if self.quiet or not going:
            self.quiet -= bool(self.quiet)
            return [], references
        return going[:1], [each for each in references if each is not going[0]]

    def _hangs(self, reference: Reference) -> bool:
        """Return whether a call never ends; each task hangs so often, each time in a new call."""
        (task,) = reference.given or (None,)
        if task is not None and not reference.hung and self.hangs[task]:
            self.hangs[task] -= 1
            reference.hung = True
        return reference.hung

    def get(self, reference: Reference) -> Any:
        return reference.function(*reference.given)


class Reference:
    def __init__(self, function: Any, given: tuple[Any, ...]) -> None:
        self.function, self.given, self.hung = function, given, False


def test_a_task_that_kills_its_worker_is_tried_twice_and_the_others_are_done() -> None:
    ray = FakeRay({3: 1, 5: 99})
    came = list(WorkerPool(ray, ray.start).map_unordered("square", range(9), patient))
    assert came.count(None) == 2
    assert dict(filter(None, came)) == {n: None if n == 5 else n * n for n in range(9)}
    assert ray.calls == {n: 2 if n in (3, 5) else 1 for n in range(9)}
    # The last that is killed leaves no task to start another for.
    assert ray.started == 2 + 2


def test_a_crew_goes_on_with_the_workers_it_has_and_starts_none_without_a_task() -> None:
    ray = FakeRay({})
    pool = WorkerPool(ray, ray.start)
    assert list(pool.map_unordered("square", [], patient)) == []
    assert ray.started == 0
    assert len(list(filter(None, pool.map_unordered("square", range(5), patient)))) == 5
    assert list(filter(None, pool.map_unordered("square", [7], patient))) == [(7, 49)]
    assert ray.started == 2


def test_a_worker_that_hangs_is_replaced_and_its_task_tried_again() -> None:
    ray = FakeRay({}, hangs={3: 1, 5: 99})
    pool = WorkerPool(ray, ray.start, ray.clock)
    came = dict(filter(None, pool.map_unordered("square", range(9), patient)))
    assert came == {n: None if n == 5 else n * n for n in range(9)}
    assert ray.stopped == 1 + 2
    assert ray.started <= 2 + 3


def test_machines_that_join_later_are_used() -> None:
    ray = FakeRay({})
    pool = WorkerPool(ray, ray.start, ray.clock)
    came = []
    for each in pool.map_unordered("square", range(40), patient):
        came += [each] if each else []
        if len(came) == 5:
            ray.machines = 6
    assert sorted(came) == [(n, n * n) for n in range(40)]
    assert ray.started == pool.size == 6


def test_workers_that_are_killed_whatever_they_do_end_the_work() -> None:
    ray = FakeRay(dict.fromkeys(range(100), 9))
    with pytest.raises(
        CollectionError, match="13 workers of the cluster were killed or hung in a row"
    ):
        list(WorkerPool(ray, ray.start).map_unordered("square", range(100), patient))


def test_a_worker_that_cannot_start_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = FakeRay({0: 1})
    monkeypatch.setattr(KilledError, "actor_init_failed", True)
    with pytest.raises(KilledError):
        list(WorkerPool(ray, ray.start).map_unordered("square", [0], patient))
