"""The API's description: what it promises holds, whatever is sent."""

from __future__ import annotations

import schemathesis
from hypothesis import HealthCheck, settings
from starlette.testclient import TestClient

from beautylens.collection import open_collection
from tests.serve.conftest import WRITER

schema = schemathesis.pytest.from_fixture("description")


import pytest  # noqa: E402  (beside the fixture that the line above names)


@pytest.fixture(scope="session")
def description(client: TestClient) -> schemathesis.schemas.BaseSchema:
    return schemathesis.openapi.from_asgi("/openapi.json", client.app)
