"""A server in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 60.0


@dataclass(frozen=True)
class Served:
    """A server that has said where it is."""

    process: subprocess.Popen[str]
    address: str

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def memory(self) -> int:
        """Bytes of the process that are resident."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text("utf-8").split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def start(
    collection: Path, *options: str, port: int = 0, key: str = "", module: str = "beautylens"
) -> Served:
    """Start a server and wait until it says where it is."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "serve", str(collection), "--port", str(port), *options],
        env={**os.environ, "BEAUTYLENS_KEY": key},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("Beautylens is at http://"), process.communicate()[1]
    return Served(process, line.split()[-1])


@contextmanager
def served(
    collection: Path, *options: str, key: str = "", module: str = "beautylens"
) -> Iterator[Served]:
    """Have a server until the block ends."""
    server = start(collection, *options, key=key, module=module)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


def until(condition: object, seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.05)
