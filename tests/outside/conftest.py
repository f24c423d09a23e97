"""A server in a process of its own, for what only a real connection shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.outside.milvus import milvus
from tests.outside.process import Served, served
from tests.serve.conftest import KEY


@pytest.fixture(scope="session")
def server(copied: Path) -> Iterator[Served]:
    """A server that takes the key and has little patience."""
    with served(copied, "--seconds", "5", key=KEY) as running:
        yield running


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Milvus server, to which each test puts a name of its own."""
    with milvus(tmp_path_factory.mktemp("milvus")) as (address, _):
        yield address
