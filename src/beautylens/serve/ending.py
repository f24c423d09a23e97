"""The end of a server's process: what was taken is finished, within a deadline."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from typing import Any

# How long after the deadline of a request the process waits for requests, and as long again.
FINISH_SECONDS = 5.0
_LOG = logging.getLogger("beautylens.serve")


def end_within(seconds: float) -> None:
    """End this process so many seconds after SIGTERM or SIGINT, whatever still runs in it.

    Threads cannot be stopped, and Python waits for those of a pool before it ends. Called once the
    signals have their handlers, from the main thread.
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
    _LOG.error("work has not ended %g seconds after the signal to stop; it is given up", seconds)
    logging.shutdown()
    os._exit(1)
