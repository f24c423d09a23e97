"""The CPU cores that this process may use, and the thread pool that searches share."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

from beautylens.runtime.native import Lock, Once, renew_in_child

_CORES: Once[ThreadPoolExecutor] = Once()
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def cores() -> ThreadPoolExecutor:
    """Return the thread pool that all searches of this process share, one thread for each core.

    Concurrent searches then do not oversubscribe the cores. Tasks must need little memory, and must
    not wait for other tasks of the pool.
    """
    return _CORES(lambda: ThreadPoolExecutor(core_count(), "beautylens"))


class _OneBlasThread:
    """Limits linear algebra to the thread that calls it, while any caller is inside."""

    def __init__(self) -> None:
        self._controller: ThreadpoolController | None = None
        self._modules = 0
        self._lock = Lock()
        self._entered = 0
        self._limit: Any = None
        renew_in_child(self)

    def renew(self) -> None:
        """Lift the limit in a forked process: the threads that set it are not there."""
        if self._limit is not None:
            self._limit.restore_original_limits()
        self._entered, self._limit = 0, None

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Limit it while the block runs."""
        with self._lock():
            if self._entered == 0:
                # Looking for libraries takes a millisecond; only imports bring new ones.
                if self._controller is None or self._modules != len(sys.modules):
                    self._controller, self._modules = ThreadpoolController(), len(sys.modules)
                self._limit = self._controller.limit(limits=1, user_api="blas")
            self._entered += 1
        try:
            yield
        finally:
            with self._lock():
                self._entered -= 1
                if self._entered == 0 and self._limit is not None:
                    self._limit.restore_original_limits()
                    self._limit = None


# For searches: products of a single photo gain nothing from more threads, which then wait actively
# for the next one, for as long as a network takes, on the cores that the network needs.
one_blas_thread = _OneBlasThread()


def core_count() -> int:
    """Return the number of cores that this process may use, at least one.

    That is the size of its CPU affinity, limited by the CPU quota of its control groups: 2 in a
    container with a quota of two of 64 cores.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS
        allowed = os.cpu_count() or 1
    quota = min(_quotas(_CONTROL_GROUPS, Path("/proc/self/cgroup")), default=math.inf)
    return max(1, min(allowed, math.ceil(quota))) if math.isfinite(quota) else allowed


def _quotas(root: Path, membership: Path) -> Iterator[float]:
    """Yield the CPU quota, in cores, of each control group of this process that has one.

    Version 2 has `quota period` in `cpu.max`, version 1 has a file for each; both are in
    microseconds. In a namespace, as of a container, the root is the container's group.
    """
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "cpu" if controllers else root
        own = top / path.lstrip("/")
        for group in (own, *own.parents):
            if group.is_relative_to(top):
                yield from _quota(group)


def _quota(group: Path) -> Iterator[float]:
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        try:
            words = " ".join((group / name).read_text("utf-8") for name in names).split()
            quota, period = (float(word) for word in words)
        except (OSError, ValueError):
            # Without a limit the quota is `max` or -1.
            continue
        if quota > 0 and period > 0:
            yield quota / period
