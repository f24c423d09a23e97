"""Threads for work that needs hardly any memory of its own, one a core."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache


@cache
def cores() -> ThreadPoolExecutor:
    """Return the threads that all searches of this process share.

    So many searches at a time do not fight for the cores. Work given to them must not wait for
    other work given to them.
    """
    return ThreadPoolExecutor(os.cpu_count(), "beautylens")
