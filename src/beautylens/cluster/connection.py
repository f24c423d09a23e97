"""Connecting to a Ray cluster, and being told in one sentence where there is none."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from beautylens.errors import CollectionError
from beautylens.runtime.extras import extra

# A frame of HTTP/2 without settings: no length, its type, no flags, no stream.
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@contextmanager
def connected(cluster: str) -> Iterator[Any]:
    """Give Ray, connected; what it says of itself is left out.

    Raises:
        MissingExtraError: when it is not installed.
        CollectionError: when the cluster cannot be reached, or its workers fail.
    """
    # It reports its use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What it tells of its workers, on stdout, is told by those who use them.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    # Ray starts its processes by fork; they run other programs at once.
    warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)
    warnings.filterwarnings("ignore", "lance is not fork-safe", UserWarning)
    with extra("scale"):
        import ray
    try:
        _knock(cluster)
        ray.init(
            # "local" is Ray's own word for processes of this machine alone.
            address=cluster, include_dashboard=False,
            log_to_driver=False, logging_level=logging.ERROR,
        )  # fmt: skip
    except (OSError, RuntimeError, ValueError) as error:
        raise CollectionError(
            f"there is no Ray cluster at {cluster} ({_last_line(error)}); start one with "
            "`ray start --head`, or say --ray local"
        ) from error
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise CollectionError(f"a worker of the cluster failed: {_last_line(error)}") from error
    finally:
        ray.shutdown()


def _knock(cluster: str) -> None:
    """Raise OSError at once where nothing listens, or not Ray: it asks again for minutes itself."""
    host, colon, port = cluster.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
        if os.environ.get("RAY_USE_TLS") == "1":
            return
        # Ray speaks gRPC, which is HTTP/2: its first words, answered by a frame of settings.
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
        if connection.recv(len(_SETTINGS))[3:4] != _SETTINGS[3:4]:
            raise OSError("what answers there is not Ray")


def _last_line(error: Exception) -> str:
    """Return what an error says in the end; Ray puts the places in its source before."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).strip(" .")
