"""Memory that work running at the same time shares: each piece waits until its part is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from beautylens.native import renew_in_child


class Budget:
    """So many bytes, lent in the order in which they were asked for.

    Args:
        total: bytes that may be lent at once.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.renew()
        renew_in_child(self)

    def renew(self) -> None:
        """Lend nothing to anybody: a forked process has none of the threads that hold bytes."""
        self._free = self.total
        self._turns: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def holding(self, size: int, seconds: float | None = None) -> Iterator[None]:
        """Hold so many bytes while the block runs; what asks for more than all gets all.

        Raises:
            TimeoutError: when they are not free within so many seconds.
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
            # First come, first served: many small ones never keep a large one out.
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
