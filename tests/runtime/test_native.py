from __future__ import annotations

import os
import pickle
import threading
import time
from collections.abc import Callable

import pytest

from beautylens.runtime.native import Binding, Lock, Once, cache_per_process

THREADS = 8


def at_once(work: Callable[[], object]) -> list[object]:
    """What the work returns to threads that begin it together."""
    start, results = threading.Barrier(THREADS), []

    def one() -> None:
        start.wait()
        results.append(work())

    threads = [threading.Thread(target=one) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def give_way() -> None:
    """Let every other thread that can run do so, many times."""
    for _ in range(500):
        time.sleep(0)


def in_child(work: Callable[[], bool]) -> bool:
    """Whether the work succeeds in a forked process."""
    process = os.fork()
    if process == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(1)
    return os.waitpid(process, 0)[1] == 0


def test_the_first_call_of_each_function_ends_before_any_other_first_call_begins() -> None:
    binding, inside, together = Binding(), [0], []

    def call(already: list[None]) -> None:
        first = not already
        inside[0] += 1
        give_way()
        if first:
            together.append(inside[0])
        already.append(None)
        inside[0] -= 1

    one, other = (binding.serialise_first_call(call) for _ in range(2))
    calls: tuple[list[None], list[None]] = ([], [])
    at_once(lambda: (one(calls[0]), other(calls[1])))
    assert together == [1, 1]
    assert [len(each) for each in calls] == [THREADS, THREADS]


def test_after_the_first_call_others_run_together() -> None:
    meeting = threading.Barrier(THREADS)
    call = Binding().serialise_first_call(lambda wait: meeting.wait() if wait else None)
    call(wait=False)
    assert len(at_once(lambda: call(wait=True))) == THREADS


def test_a_first_call_that_fails_leaves_the_next_one_the_first() -> None:
    made: list[int] = []

    def call() -> int:
        made.append(len(made))
        if len(made) < 3:
            raise ValueError
        return made[-1]

    alone = Binding().serialise_first_call(call)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            alone()
    assert alone() == 2


def test_threads_that_ask_together_get_the_one_value_that_was_made() -> None:
    once: Once[object] = Once()

    def make() -> object:
        give_way()
        return object()

    assert len(set(map(id, at_once(lambda: once(make))))) == 1


def test_a_forked_process_makes_its_own_value_and_keeps_the_parents_unfreed() -> None:
    freed: list[int] = []

    class Handle:
        def __init__(self) -> None:
            self.process = os.getpid()

        def __del__(self) -> None:
            freed.append(self.process)

    once: Once[Handle] = Once()
    parents = once(Handle).process
    assert in_child(lambda: once(Handle).process == os.getpid() and not freed)
    assert once(Handle).process == parents


def test_a_lock_that_another_thread_held_is_open_in_a_forked_process() -> None:
    lock, held, done = Lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock():
            held.set()
            done.wait()

    def enter() -> bool:
        with lock():
            return True

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    try:
        assert in_child(enter)
    finally:
        done.set()
        holder.join()


def test_a_block_that_forks_while_it_holds_the_lock_leaves_it_in_both_processes() -> None:
    lock = Lock()

    def again() -> bool:
        with lock():
            return True

    with lock():
        child = os.fork()
    if child == 0:
        try:
            os._exit(0 if again() else 1)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert again()


def test_a_pickled_value_is_sent_empty() -> None:
    once: Once[int] = Once()
    once(lambda: 1)
    assert pickle.loads(pickle.dumps(once))(lambda: 2) == 2  # noqa: S301


def test_a_cache_of_each_process_is_empty_in_a_forked_one() -> None:
    process_of = cache_per_process(lambda name: (name, os.getpid()))
    assert process_of("a") is process_of("a")
    assert in_child(lambda: process_of("a") == ("a", os.getpid()))
