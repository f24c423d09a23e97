"""Connections to a Ray cluster, with its errors as one sentence."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from beautylens.cluster.probe import prepare
from beautylens.errors import CollectionError
from beautylens.runtime.extras import extra

# In errors of Ray where the cluster has another version of it, or of Python.
_VERSIONS = "Version mismatch"


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
    absent = (
        f"no Ray cluster answers at {cluster} ({{}}); start one with `ray start --head`, or use "
        "--ray local"
    )
    try:
        # Before Ray is imported, which reads its environment then.
        prepare(cluster)
    except OSError as error:
        raise CollectionError(absent.format(_last_line(error))) from error
    with extra("scale"):
        import ray
    try:
        ray.init(
            # "local" is Ray's name for a cluster on this machine.
            address=cluster,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, ValueError) as error:
        raise CollectionError(absent.format(_last_line(error))) from error
    except (RuntimeError, ray.exceptions.RayError) as error:
        if _VERSIONS in str(error):
            raise CollectionError(
                f"the Ray cluster at {cluster} has another version of Ray or Python than this "
                f"machine; install the same on both ({_on_one_line(error)})"
            ) from error
        raise CollectionError(
            f"the Ray cluster at {cluster} cannot be used ({_last_line(error)}); look into Ray's "
            "logs on its first machine"
        ) from error
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise CollectionError(f"a worker of the cluster failed: {_last_line(error)}") from error
    finally:
        ray.shutdown()


def _last_line(error: Exception) -> str:
    """Return the last line of an error; in Ray's errors source locations come before it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__).strip(" .")


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).strip(" .")
