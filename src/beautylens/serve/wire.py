"""What a server and its decoders share: a socket for lines of JSON, and a file for bytes.

Nothing that is received can run code, whichever side sent it.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]
MAX_BYTES = 65_536
_CHUNK = 1 << 24


def send(connection: socket.socket, message: Message) -> None:
    """Send a message."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection: socket.socket) -> Message:
    """Return the next message.

    Raises:
        EOFError: when the other side has gone, sends nothing in time, or sends no message.
    """
    received = b""
    try:
        while not received.endswith(b"\n"):
            part = connection.recv(MAX_BYTES)
            received += part
            if not part or len(received) > MAX_BYTES:
                raise EOFError
        message = json.loads(received)
    except (OSError, ValueError) as error:
        raise EOFError from error
    if not isinstance(message, dict):
        raise EOFError
    return message


def shared_file() -> int:
    """Return the descriptor of a file without a name; in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("picture", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as unnamed:  # macOS
        return os.dup(unnamed.fileno())


def write(file: int, content: memoryview) -> None:
    """Write bytes to the start of a file."""
    at = 0
    while at < len(content):
        at += os.pwrite(file, content[at : at + _CHUNK], at)


def read(file: int, into: memoryview) -> None:
    """Fill memory from the start of a file.

    Raises:
        EOFError: when the file is shorter.
    """
    at = 0
    while at < len(into):
        count = os.preadv(file, [into[at : at + _CHUNK]], at)
        if not count:
            raise EOFError
        at += count
