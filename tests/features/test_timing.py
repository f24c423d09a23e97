from __future__ import annotations

import pytest
from threadpoolctl import threadpool_info

from beautylens.features.timing import LEAST_RUNS, MOST_RUNS, WARM_RUNS, time_runs


class Machine:
    """Runs that take as long as they are told to, by its own clock."""

    def __init__(self, *seconds: float, then: float) -> None:
        self._seconds, self._then = list(seconds), then
        self.now = 0.0

    def run(self) -> None:
        self.now += self._seconds.pop(0) if self._seconds else self._then

    def clock(self) -> float:
        return self.now


def test_slow_first_runs_and_rare_interruptions_leave_the_time_alone() -> None:
    machine = Machine(2.0, 0.9, 0.5, 0.04, 0.04, 0.3, 0.04, 0.7, then=0.04)
    timing = time_runs(machine.run, machine.clock)
    assert timing.median == pytest.approx(40)
    assert timing.quartiles == pytest.approx((40, 40))


def test_the_median_and_the_quartiles_are_those_of_the_counted_runs() -> None:
    times = [0.1 + place / 100 for place in range(LEAST_RUNS)]
    machine = Machine(*[1.0] * WARM_RUNS, *[time * 10 for time in times], then=99.0)
    timing = time_runs(machine.run, machine.clock)
    assert timing.runs == LEAST_RUNS
    assert timing.median == pytest.approx(1400)
    assert timing.quartiles == pytest.approx((1200, 1600))


def test_a_quick_run_is_repeated_often_and_a_slow_one_is_not() -> None:
    for seconds, runs in ((0.0001, MOST_RUNS), (0.1, 16), (5.0, LEAST_RUNS)):
        machine = Machine(then=seconds)
        assert abs(time_runs(machine.run, machine.clock).runs - runs) <= 1


def test_linear_algebra_has_one_thread_while_runs_are_timed() -> None:
    seen: list[int] = []
    machine = Machine(then=1.0)

    def run() -> None:
        machine.run()
        seen.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")

    time_runs(run, machine.clock)
    assert set(seen) == {1}
