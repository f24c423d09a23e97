"""Memory is lent in turn, and never more of it than there is."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from beautylens.images.budget import Budget


def test_no_more_is_lent_than_there_is() -> None:
    budget, lent, most, guard = Budget(10), 0, 0, threading.Lock()

    def work(size: int) -> None:
        nonlocal lent, most
        with budget.holding(size):
            with guard:
                lent += min(size, 10)
                most = max(most, lent)
            with guard:
                lent -= min(size, 10)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, [1, 2, 3, 7, 9, 10, 25] * 50))
    assert (lent, most <= 10) == (0, True)


def test_what_needs_more_than_all_gets_all() -> None:
    budget = Budget(10)
    with budget.holding(1000), pytest.raises(TimeoutError), budget.holding(1, seconds=0.01):
        pass
    with budget.holding(10, seconds=0):
        pass


def test_small_ones_do_not_overtake_a_large_one_for_ever() -> None:
    budget, order = Budget(10), []
    first = budget.holding(6)
    first.__enter__()

    def take(size: int) -> None:
        with budget.holding(size):
            order.append(size)

    large = threading.Thread(target=take, args=(8,))
    large.start()
    while not budget._turns:
        pass
    small = threading.Thread(target=take, args=(1,))
    small.start()
    while len(budget._turns) < 2:
        pass
    first.__exit__(None, None, None)
    large.join(30)
    small.join(30)
    assert order == [8, 1]


def test_one_that_gave_up_waiting_keeps_nobody_out() -> None:
    budget = Budget(10)
    with budget.holding(6):
        with pytest.raises(TimeoutError), budget.holding(8, seconds=0.01):
            pass
        with budget.holding(4, seconds=0):
            pass


def test_a_forked_process_does_not_wait_for_what_threads_of_its_parent_hold() -> None:
    budget = Budget(100)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with budget.holding(100):
            held.set()
            done.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if child == 0:
        try:
            with budget.holding(100, seconds=5):
                os._exit(0)
        finally:
            os._exit(1)
    try:
        assert os.waitpid(child, 0)[1] == 0
    finally:
        done.set()
        holder.join()
