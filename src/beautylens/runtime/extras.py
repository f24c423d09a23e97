"""Packages of optional extras: absent ones are asked for with the exact pip line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from beautylens.errors import MissingExtraError


def install_line(name: str) -> str:
    """Return the command that installs an extra, to be run in the folder of the repository.

    Beautylens is installed from its repository. On an index of packages `beautylens[train]` is
    nobody's, or belongs to whoever took the name: that line would fail, or install a stranger's.
    """
    return f"pip install '.[{name}]'"


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra to install where an import inside fails.

    Raises:
        MissingExtraError: in place of the ImportError.
    """
    try:
        yield
    except ImportError as error:
        raise MissingExtraError(
            f"{error.name or error} is needed for this and cannot be imported; "
            f"run in the folder of Beautylens' repository: {install_line(name)}"
        ) from error
