"""Packages of optional extras: absent ones are asked for with the exact pip line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beautylens.errors import EncoderError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra to install where an import inside fails.

    Raises:
        EncoderError: in place of the ImportError.
    """
    try:
        yield
    except ImportError as error:
        raise EncoderError(
            f"{error.name or error} is needed for this and cannot be imported; "
            f"run: pip install 'beautylens[{name}]'"
        ) from error
