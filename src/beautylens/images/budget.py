"""Memory budget shared by concurrent work: a task waits until its bytes are free."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from beautylens.runtime.native import renew_in_child


class Budget:
    """A semaphore of bytes that serves requests in order (first in, first out).

    Args:
        total: bytes that may be held at the same time.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """Free all bytes: the threads that held them do not exist in a forked process."""
        self._free = self.total
        self._turns: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def holding(self, size: int, seconds: float | None = None) -> Iterator[None]:
        """Hold `size` bytes, at most the total, while the block runs.

        Raises:
            TimeoutError: when they are not free within `seconds`.
        """
        size = min(size, self.total)
        self._take(size, seconds)
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()

    def _take(self, size: int, seconds: float | None) -> None:
        turn = object()
        with self._changed:
            # First in, first out: small requests never starve a large one.
            self._turns.append(turn)
            try:
                is_free = self._changed.wait_for(
                    lambda: self._turns[0] is turn and self._free >= size, seconds
                )
                if not is_free:
                    raise TimeoutError
                self._free -= size
            finally:
                self._turns.remove(turn)
                self._changed.notify_all()
