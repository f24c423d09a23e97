"""Graceful shutdown of a server process, with a deadline."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

# Seconds after the timeout of requests at which the server stops waiting, and again until it exits.
FINISH_SECONDS = 5.0
_LOG = logging.getLogger("beautylens.serve")


def end_within(seconds: float) -> None:
    """Exit at most so many seconds after SIGTERM or SIGINT, even if threads are still running.

    Threads cannot be stopped, and Python waits for those of a pool before it exits. Call this from
    the main thread, after the signal handlers were installed.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _with_deadline(signal.getsignal(number), seconds))


def _with_deadline(handler: Any, seconds: float) -> Callable[[int, Any], None]:
    def handle(number: int, frame: Any) -> None:
        deadline = threading.Timer(seconds, _end, [seconds])
        deadline.daemon = True
        deadline.start()
        if callable(handler):
            handler(number, frame)

    return handle


def _end(seconds: float) -> None:
    _LOG.error("exiting with unfinished work, %g seconds after the signal to stop", seconds)
    logging.shutdown()
    os._exit(1)
