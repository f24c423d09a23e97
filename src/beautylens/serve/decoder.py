"""A process that decodes pictures of strangers, one by one; `Decoders` starts it.

Its standard input is a socket to the server, its one argument the descriptor of the file through
which bytes and pixels go. It has none of the server's memory and secrets, little memory of its
own, and an alarm that ends it where a picture takes too long.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2

from beautylens.errors import ImageError
from beautylens.images.decode import decode_scaled
from beautylens.images.limits import Limits
from beautylens.serve.wire import Message, read, receive, send, write

_OPENING_BYTES = 128 << 20
"""Memory that reading a header may take, beside some copies of the file."""
_COPIES = 4
_SLACK = 1.25
_STATM = Path("/proc/self/statm")
_UNLIMITED = resource.RLIM_INFINITY


def main() -> None:
    """Decode what the server sends until it closes the socket."""
    # The server ends this process; a Ctrl-C in its terminal is not for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cv2.setNumThreads(1)
    connection, file = socket.socket(fileno=sys.stdin.fileno()), int(sys.argv[1])
    with suppress(EOFError):
        while True:
            _answer(connection, receive(connection), file)


def _answer(connection: socket.socket, request: Message, file: int) -> None:
    data = bytearray(request["size"])
    read(file, memoryview(data))
    seconds = float(request["seconds"])

    @contextmanager
    def hold(needed: int) -> Iterator[None]:
        """Wait until the server has memory to lend; that is no time of the picture's."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(connection, {"needs": needed})
        receive(connection)
        _limit_memory(int(_SLACK * needed) + _OPENING_BYTES + _COPIES * len(data))
        signal.setitimer(signal.ITIMER_REAL, seconds)
        yield

    _limit_memory(_OPENING_BYTES + _COPIES * len(data))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        decoded = decode_scaled(
            bytes(data),
            name=request["name"],
            limits=Limits(**request["limits"]),
            least_side=request["least_side"],
            hold=hold,
        )
    except ImageError as error:
        send(connection, {"error": str(error)})
        return
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    _limit_memory(None)
    write(file, decoded.pixels.data.cast("B"))
    send(connection, {"shape": decoded.pixels.shape, "scale": decoded.scale})


def _limit_memory(more: int | None) -> None:
    """Allow so many bytes of data beside those that are there already; None allows any number.

    Where the system does not say what there is, the server's budget alone holds.
    """
    if not _STATM.exists():
        return
    there = int(_STATM.read_text("ascii").split()[5]) * resource.getpagesize()
    limit = _UNLIMITED if more is None else there + more
    resource.setrlimit(resource.RLIMIT_DATA, (limit, _UNLIMITED))


if __name__ == "__main__":
    main()
