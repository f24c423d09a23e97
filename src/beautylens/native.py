"""Native libraries among threads and forked processes: first calls, locks, and what is made anew.

Two faults of native libraries end in a process that waits for ever, deaf to Ctrl-C:

- A binding makes some of its tables on first use, inside a C++ guard, and gives up Python's lock
  meanwhile. A second thread that comes to the guard holding Python's lock waits for the first, and
  the first waits for it. `Binding.first_call_alone` has the first call end before others begin.
- A forked process inherits the memory of its parent, but only the thread that forked. Worker pools,
  compiled networks and locks that another thread held wait for threads that are not there. `Once`
  and `Lock` are made anew in each process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from typing import Any, Generic, ParamSpec, Protocol, TypeVar
from weakref import WeakSet

Params = ParamSpec("Params")
Value = TypeVar("Value")
# Never freed: the threads that a compiled network of the parent would be ended with are not here.
_INHERITED: list[Any] = []


class _Renewed(Protocol):
    """Something that a forked process makes anew."""

    def renew(self) -> None:
        """Forget what the parent process had."""


_RENEWED: WeakSet[_Renewed] = WeakSet()


def renew_in_child(each: _Renewed) -> None:
    """Have something made anew in every process that is forked from now on, while it is in use."""
    _RENEWED.add(each)


def _renew_all() -> None:
    for each in list(_RENEWED):
        each.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class Lock:
    """A re-entrant lock that is open at the start of a forked process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        renew_in_child(self)

    def renew(self) -> None:
        """Open it: the thread that held it is not in this process."""
        self._lock = threading.RLock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the lock while the block runs."""
        # The same object to the end: a block that forks leaves it in the child as well.
        with self._lock:
            yield


class Once(Generic[Value]):
    """A value that each process makes once, by the first thread that asks for it.

    Pickled, it is sent empty: another process makes its own.
    """

    def __init__(self) -> None:
        self._made: tuple[Value] | None = None
        self._making = Lock()
        renew_in_child(self)

    def __call__(self, make: Callable[[], Value]) -> Value:
        """Return the value, made by `make` if this process has not made it yet."""
        made = self._made
        if made is None:
            with self._making():
                made = self._made
                if made is None:
                    self._made = made = (make(),)
        return made[0]

    def renew(self) -> None:
        """Set the parent's value aside."""
        if self._made is not None:
            _INHERITED.append(self._made)
            self._made = None

    def __reduce__(self) -> tuple[type[Once[Value]], tuple[()]]:
        return type(self), ()


def cache_per_process(call: Callable[Params, Value]) -> Callable[Params, Value]:
    """Return a function that keeps its results, as `functools.cache` does, in each process anew."""
    once: Once[Callable[..., Value]] = Once()

    @wraps(call)
    def cached(*args: Params.args, **kwargs: Params.kwargs) -> Value:
        return once(lambda: cache(call))(*args, **kwargs)

    return cached


class Binding:
    """A native library, each of whose functions is first called by one thread alone."""

    def __init__(self) -> None:
        self._lock = Lock()

    def first_call_alone(self, call: Callable[Params, Value]) -> Callable[Params, Value]:
        """Return the function, whose first call in a process ends before another one begins.

        First calls of all functions of the binding wait for each other. A call that fails is none:
        the next is first again. What is called must not wait for other threads that make calls.
        """
        called = False

        @wraps(call)
        def alone(*args: Params.args, **kwargs: Params.kwargs) -> Value:
            nonlocal called
            if called:
                return call(*args, **kwargs)
            with self._lock():
                result = call(*args, **kwargs)
                called = True
            return result

        return alone


OPENVINO = Binding()
ONNX_RUNTIME = Binding()
OPENCV = Binding()
ZXING = Binding()
