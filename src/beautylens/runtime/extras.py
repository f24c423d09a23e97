"""Imports of optional extras; the error for a missing one has the exact pip command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beautylens.errors import MissingExtraError


def install_line(name: str) -> str:
    """Return the command that installs an extra, to be run in the folder of the repository.

    Beautylens is not on a package index: `pip install beautylens[train]` would fail, or install a
    package of someone else.
    """
    return f"pip install '.[{name}]'"


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Convert a failed import in the block to an error that names the extra to install.

    Raises:
        MissingExtraError: when an import fails.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name or error} is needed for this and cannot be imported; "
            f"run in the folder of Beautylens' repository: {install_line(name)}"
        ) from error
