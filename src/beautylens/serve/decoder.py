"""A process that decodes pictures of strangers, one by one; `Decoders` starts it.

Requests come by its standard input, answers leave by its standard output. It has none of the
server's memory and secrets, and on Linux little memory of its own; the server ends it when a
picture takes too long.
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

# Memory that reading a header may take, beside some copies of the file.
_OPENING_BYTES = 128 << 20
_COPIES = 4
_SLACK = 1.25
_STATM = Path("/proc/self/statm")


def main() -> None:
    """Decode what the server sends until it closes the pipe."""
    # The server ends this process; a Ctrl-C in its terminal is not for this one.
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
    """Return the standard output; what libraries print goes to standard error from now on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _answer(request: Message, requests: BinaryIO, answers: BinaryIO) -> None:
    data = requests.read(request["size"])
    options = DecodeOptions(request["name"], Limits(**request["limits"]), request["least_side"])

    @contextmanager
    def hold(needed: int) -> Iterator[None]:
        """Wait until the server has memory to lend."""
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
    """Allow so many bytes of data beside those that are there already; None allows any number.

    Only Linux says how many there are, and limits all of them. Elsewhere the server's budget alone
    bounds the memory, by what the header of a file tells.
    """
    if sys.platform == "linux" and _STATM.exists():
        there = int(_STATM.read_text("ascii").split()[5]) * resource.getpagesize()
        limit = resource.RLIM_INFINITY if more is None else there + more
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
