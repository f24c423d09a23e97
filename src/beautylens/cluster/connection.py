"""Connections to a Ray cluster, with its errors as one sentence."""

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

# An empty SETTINGS frame of HTTP/2: length 0, type 4, no flags, stream 0.
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


@contextmanager
def connected(cluster: str) -> Iterator[Any]:
    """Yield the connected Ray module, without its log.

    Raises:
        MissingExtraError: when it is not installed.
        CollectionError: when the cluster cannot be reached, or a worker fails.
    """
    # Otherwise Ray reports usage statistics to its vendor.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Otherwise Ray prints messages about its workers on stdout.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    # Ray forks processes, but they run other programs at once.
    warnings.filterwarnings("ignore", "lance is not fork-safe", UserWarning)
    with extra("scale"):
        import ray
    try:
        _check_address(cluster)
        ray.init(
            # "local" is Ray's name for a cluster on this machine.
            address=cluster,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise CollectionError(
            f"no Ray cluster answers at {cluster} ({_last_line(error)}); start one with "
            "`ray start --head`, or use --ray local"
        ) from error
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise CollectionError(f"a worker of the cluster failed: {_last_line(error)}") from error
    finally:
        ray.shutdown()


def _check_address(cluster: str) -> None:
    """Raise OSError at once unless Ray listens; Ray itself retries for minutes."""
    host, colon, port = cluster.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdigit():
        return
    with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
        if os.environ.get("RAY_USE_TLS") == "1":
            return
        # Ray uses gRPC over HTTP/2: the preface is answered by a SETTINGS frame.
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
        if connection.recv(len(_SETTINGS))[3:4] != _SETTINGS[3:4]:
            raise OSError("the server there is not Ray")


def _last_line(error: Exception) -> str:
    """Return the last line of an error; in Ray's errors source locations come before it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).strip(" .")
