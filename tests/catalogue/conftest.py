"""A web server for the tests of what is fetched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.catalogue.web import Web, serving


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as server:
        yield server
