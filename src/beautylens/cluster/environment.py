"""The environment variables that workers on other machines need."""

from __future__ import annotations

import os
from collections.abc import Mapping

from beautylens.features.encoder.precision import PRECISION_VARIABLE

# As Arrow, Lance and the HTTP client read them.
_STORAGE = ("AWS_", "GOOGLE_")
_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


def driver_environment() -> dict[str, str]:
    """Return this process's variables of storage, proxies, certificates and precision."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.upper().startswith(_STORAGE)
        or name.upper() in _NETWORK
        or name == PRECISION_VARIABLE
    }


def take_environment(variables: Mapping[str, str]) -> None:
    """Set the variables of a driver in the process of a worker, before it reads any file.

    They are an argument of the worker and no `runtime_env`, which Ray writes into the logs of every
    machine: they have credentials.
    """
    os.environ.update(variables)
