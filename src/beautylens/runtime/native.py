"""Thread and fork safety of native libraries: serialised first calls, and state per process.

Two kinds of deadlock, which also ignore Ctrl-C, are avoided here:

- A binding initialises static data on first use, inside a C++ guard, and releases the GIL
  meanwhile. A second thread that reaches the guard while it holds the GIL waits for the first
  thread, which waits for the GIL. `Binding.serialise_first_call` lets no other call begin before
  the first ends.
- A forked process inherits its parent's memory, but only the thread that forked. Worker pools,
  compiled networks and locks held by other threads wait for threads that do not exist. `Once` and
  `Lock` are reset in each forked process.
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
# Never freed: freeing a compiled network of the parent would wait for threads that do not exist.
_INHERITED: list[Any] = []


class _Resettable(Protocol):
    """An object with state that a forked process resets."""

    def renew(self) -> None:
        """Reset the state inherited from the parent process."""


_RESETTABLE: WeakSet[_Resettable] = WeakSet()


def renew_in_child(each: _Resettable) -> None:
    """Reset an object in every process forked from now on, for as long as it is referenced."""
    _RESETTABLE.add(each)


def _renew_all() -> None:
    for each in list(_RESETTABLE):
        each.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)


class Lock:
    """A re-entrant lock that is released in a forked process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        renew_in_child(self)

    def renew(self) -> None:
        """Replace the lock: the thread that held it is not in this process."""
        self._lock = threading.RLock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Hold the lock while the block runs."""
        # Bound once: a block that forks also releases it in the child.
        with self._lock:
            yield


class Once(Generic[Value]):
    """A value that each process creates once, in the first thread that needs it.

    It is pickled without its value: another process creates its own.
    """

    def __init__(self) -> None:
        self._made: tuple[Value] | None = None
        self._making = Lock()
        renew_in_child(self)

    def __call__(self, make: Callable[[], Value]) -> Value:
        """Return the value, created by `make` on the first call in this process."""
        made = self._made
        if made is None:
            with self._making():
                made = self._made
                if made is None:
                    self._made = made = (make(),)
        return made[0]

    def renew(self) -> None:
        """Drop the parent's value without freeing it."""
        if self._made is not None:
            _INHERITED.append(self._made)
            self._made = None

    def __reduce__(self) -> tuple[type[Once[Value]], tuple[()]]:
        return type(self), ()


def cache_per_process(call: Callable[Params, Value]) -> Callable[Params, Value]:
    """Return a function that caches its results, as `functools.cache` does, for each process."""
    once: Once[Callable[..., Value]] = Once()

    @wraps(call)
    def cached(*args: Params.args, **kwargs: Params.kwargs) -> Value:
        return once(lambda: cache(call))(*args, **kwargs)

    return cached


class Binding:
    """A native library whose functions are first called by one thread at a time."""

    def __init__(self) -> None:
        self._lock = Lock()

    def serialise_first_call(self, call: Callable[Params, Value]) -> Callable[Params, Value]:
        """Return the function such that its first call ends before another one begins.

        First calls of all functions of a binding are serialised. A call that fails does not count.
        The function must not wait for other threads that call the binding.
        """
        called = False

        @wraps(call)
        def serialised(*args: Params.args, **kwargs: Params.kwargs) -> Value:
            nonlocal called
            if called:
                return call(*args, **kwargs)
            with self._lock():
                result = call(*args, **kwargs)
                called = True
            return result

        return serialised


OPENVINO = Binding()
ONNX_RUNTIME = Binding()
OPENCV = Binding()
ZXING = Binding()
