"""A process that decodes untrusted pictures, one at a time; `Decoders` starts it.

It reads requests from standard input and writes results to standard output. It has no access to the
server's memory and secrets, and on Linux a memory limit; the server kills it when a picture takes
too long.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import cv2

from beautylens.errors import ImageError
from beautylens.images.decode import DecodeOptions, decode_scaled
from beautylens.images.limits import Limits
from beautylens.serve.wire import Message, receive, send

if sys.platform != "win32":
    import resource

# Memory for reading a header, in addition to some copies of the file.
_OPENING_BYTES = 128 << 20
_COPIES = 4
_SLACK = 1.25
_STATM = Path("/proc/self/statm")


def main() -> None:
    """Decode pictures until the server closes the pipe."""
    # Ctrl-C in the server's terminal stops the server, which then stops this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    requests, answers = sys.stdin.buffer, _answers()
    send(answers, {"ready": True})
    with suppress(EOFError):
        while True:
            _answer(receive(requests), requests, answers)


def _answers() -> BinaryIO:
    """Return standard output, and redirect what libraries print there to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _answer(request: Message, requests: BinaryIO, answers: BinaryIO) -> None:
    data = requests.read(request["size"])
    options = DecodeOptions(request["name"], Limits(**request["limits"]), request["least_side"])

    @contextmanager
    def hold(needed: int) -> Iterator[None]:
        """Wait until the server grants the memory."""
        send(answers, {"needs": needed})
        receive(requests)
        _limit_memory(int(_SLACK * needed) + _OPENING_BYTES + _COPIES * len(data))
        yield

    _limit_memory(_OPENING_BYTES + _COPIES * len(data))
    try:
        decoded = decode_scaled(data, options, hold=hold)
    except ImageError as error:
        send(answers, {"error": str(error)})
        return
    _limit_memory(None)
    facts = {"shape": decoded.pixels.shape, "scale": decoded.scale}
    send(answers, facts, decoded.pixels.data.cast("B"))


def _limit_memory(more: int | None) -> None:
    """Limit the data memory to so many bytes more than now; None removes the limit.

    Only Linux reports and limits all of it. On other systems memory is bounded by the server's
    budget alone, which relies on the headers of files.
    """
    if sys.platform == "linux" and _STATM.exists():
        there = int(_STATM.read_text("ascii").split()[5]) * resource.getpagesize()
        limit = resource.RLIM_INFINITY if more is None else there + more
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
