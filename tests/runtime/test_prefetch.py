"""Prefetching: in order, a bounded number at a time, and cancelled when it is not needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from beautylens.runtime.prefetch import batches, prefetch


def test_results_come_in_order_and_only_so_many_are_begun() -> None:
    asked: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(20):
            asked.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        for place, result in enumerate(
            prefetch(pool, lambda number: number * number, numbers(), 4)
        ):
            assert result == place * place
            assert len(asked) <= place + 5
    assert len(asked) == 20


def test_an_error_cancels_what_has_not_begun() -> None:
    done: list[int] = []
    first = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            first.wait(5)
            raise ValueError("unreadable")
        time.sleep(0.02)
        done.append(number)
        return number

    with ThreadPoolExecutor(1) as pool:
        results = prefetch(pool, work, range(50), 40)
        first.set()
        with pytest.raises(ValueError, match="unreadable"):
            next(results)
    assert len(done) < 39


def test_batches_are_full_but_for_the_last() -> None:
    assert list(batches(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(batches([], 3)) == []
