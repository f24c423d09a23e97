"""Work off the event loop: bounded, in time, and finished at the end."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from beautylens.serve.problems import HTTPProblem
from beautylens.serve.work_queue import WorkQueue


def test_work_is_done_elsewhere_and_its_result_comes_back() -> None:
    queue = WorkQueue(2, 2, 5)
    here = threading.get_ident()
    assert asyncio.run(queue.do(threading.get_ident)) != here
    assert queue.taken == 0


def test_an_error_of_the_work_comes_back_too() -> None:
    queue = WorkQueue(1, 0, 5)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(queue.do(lambda: 1 // 0))
    assert queue.taken == 0


def test_more_than_may_wait_are_told_when_to_come_back() -> None:
    queue, gate = WorkQueue(1, 2, 5), threading.Event()

    async def crowd() -> list[object]:
        work = [asyncio.create_task(queue.do(gate.wait)) for _ in range(5)]
        await asyncio.sleep(0.1)
        gate.set()
        return await asyncio.gather(*work, return_exceptions=True)

    done = asyncio.run(crowd())
    assert done[:3] == [True] * 3
    for problem in done[3:]:
        assert isinstance(problem, HTTPProblem)
        assert problem.status_code == 429
        assert int(problem.headers["Retry-After"]) >= 1


def test_what_takes_too_long_is_given_up_and_what_waits_behind_it_is_not_begun() -> None:
    queue, gate, begun = WorkQueue(1, 5, 0.2), threading.Event(), []

    async def late() -> list[object]:
        work = [queue.do(gate.wait), queue.do(lambda: begun.append(1))]
        return await asyncio.gather(*work, return_exceptions=True)

    refusals = asyncio.run(late())
    assert [problem.status_code for problem in refusals] == [503, 503]
    assert "running: " in refusals[0].cause
    assert "waited for 1 running tasks, the oldest for" in refusals[1].cause
    assert all("(wait)" in problem.cause for problem in refusals)
    gate.set()
    queue.close()
    assert begun == []


def test_a_change_that_has_begun_is_waited_for() -> None:
    queue = WorkQueue(1, 5, 0.1, finish=True)

    def slow() -> str:
        time.sleep(0.4)
        return "written"

    assert asyncio.run(queue.do(slow)) == "written"


def test_closing_finishes_what_was_taken() -> None:
    queue, done = WorkQueue(1, 5, 0.05), []

    async def give_up() -> None:
        with pytest.raises(HTTPProblem):
            await queue.do(lambda: (time.sleep(0.3), done.append(1)))

    asyncio.run(give_up())
    queue.close()
    assert done == [1]


def test_work_that_does_not_end_counts_as_stuck_until_it_does() -> None:
    queue, gate = WorkQueue(2, 5, 0.05), threading.Event()

    async def give_up() -> None:
        with pytest.raises(HTTPProblem):
            await queue.do(gate.wait)
        assert queue.stuck == 0
        while not queue.stuck:
            await asyncio.sleep(0.01)
        assert await queue.do(lambda: "the other thread") == "the other thread"

    asyncio.run(give_up())
    assert queue.stuck == 1
    gate.set()
    queue.close()
    assert queue.stuck == 0
