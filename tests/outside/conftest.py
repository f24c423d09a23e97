"""A server in a process of its own, for what only a real connection shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.process import Served, served
from tests.serve.conftest import KEY


@pytest.fixture(scope="session")
def server(copied: Path) -> Iterator[Served]:
    """A server that takes the key and has little patience."""
    with served(copied, "--seconds", "5", key=KEY) as running:
        yield running
