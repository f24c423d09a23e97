"""The cores that this process may use, and threads for work that needs hardly any memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from beautylens.native import Once

_CORES: Once[ThreadPoolExecutor] = Once()
_CONTROL_GROUPS = Path("/sys/fs/cgroup")


def cores() -> ThreadPoolExecutor:
    """Return the threads that all searches of this process share.

    So many searches at a time do not fight for the cores. Work given to them must not wait for
    other work given to them.
    """
    return _CORES(lambda: ThreadPoolExecutor(core_count(), "beautylens"))


def core_count() -> int:
    """Return how many cores this process may use, at least one.

    The machine's, less those that its affinity leaves out, and no more than the CPU quota of its
    control groups: a container that may use two of 64 cores has two.
    """
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:  # macOS
        allowed = os.cpu_count() or 1
    quota = min(_quotas(_CONTROL_GROUPS, Path("/proc/self/cgroup")), default=math.inf)
    return max(1, min(allowed, math.ceil(quota))) if math.isfinite(quota) else allowed


def _quotas(root: Path, membership: Path) -> Iterator[float]:
    """Yield the cores that each control group above this process allows, where it has a limit.

    Version 2 writes `quota period` into `cpu.max`, version 1 one file for each; both count
    microseconds. Where groups have a namespace of their own, as in a container, the root is the
    container's group.
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
            # No limit is written `max` or -1.
            continue
        if quota > 0 and period > 0:
            yield quota / period
