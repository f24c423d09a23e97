"""A server over the small shop, asked in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from beautylens.collection import Collection
from beautylens.serve.app import make_app
from beautylens.serve.settings import ServeSettings

KEY = "a-key-of-the-tests-24680"
WRITER = {"Authorization": f"Bearer {KEY}"}
Opened = Callable[..., TestClient]


@pytest.fixture(scope="session")
def client(copied: Path) -> Iterator[TestClient]:
    """A client of a server that takes the key."""
    app = make_app(ServeSettings(collection=str(copied), key=KEY))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def opened(collection: Collection) -> Opened:
    """Opens clients of servers with other settings; what is never searched need not be warm."""

    def client_with(**settings: object) -> TestClient:
        given = {"collection": collection.gallery.address, **settings}
        app = make_app(ServeSettings.model_validate(given), collection)
        return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)

    return client_with
