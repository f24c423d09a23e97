"""Messages between a server and its decoders: lines of JSON over pipes, some followed by bytes.

Nothing that is received can run code, whichever side sent it.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO, TypeAlias

Message: TypeAlias = dict[str, Any]
MAX_BYTES = 65_536


def send(stream: BinaryIO, message: Message, content: bytes | memoryview = b"") -> None:
    """Send a message, and the bytes that belong to it."""
    stream.write(json.dumps(message).encode() + b"\n")
    stream.write(content)
    stream.flush()


def receive(stream: BinaryIO) -> Message:
    """Return the next message.

    Raises:
        EOFError: when the other side has gone, or sends no message.
    """
    line = stream.readline(MAX_BYTES)
    if not line.endswith(b"\n"):
        raise EOFError
    try:
        message = json.loads(line)
    except ValueError as error:
        raise EOFError from error
    if not isinstance(message, dict):
        raise EOFError
    return message
