"""Request ids, and what the log says of requests."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from io import StringIO

import pytest
from starlette.testclient import TestClient

from beautylens.collection import Collection
from beautylens.errors import CollectionError
from beautylens.serve.log import REQUEST_LINES, JsonFormatter, OneLineFormatter
from tests.conftest import Shop
from tests.serve.conftest import Opened


def written(formatter: type[logging.Formatter]) -> Iterator[StringIO]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter())
    requests, service = logging.getLogger(REQUEST_LINES), logging.getLogger("beautylens.serve")
    requests.setLevel(logging.INFO)
    for logger in (requests, service):
        logger.addHandler(handler)
    yield stream
    for logger in (requests, service):
        logger.removeHandler(handler)
    requests.setLevel(logging.NOTSET)


@pytest.fixture
def as_json() -> Iterator[StringIO]:
    yield from written(JsonFormatter)


@pytest.fixture
def as_text() -> Iterator[StringIO]:
    yield from written(OneLineFormatter)


def test_a_search_is_one_json_line_with_id_verdict_and_stages(
    client: TestClient, shop: Shop, as_json: StringIO
) -> None:
    answer = client.post(
        "/v1/search",
        files={"image": shop.photo(0).read_bytes()},
        headers={"X-Request-ID": "from-the-proxy-7"},
    )
    assert answer.headers["X-Request-ID"] == "from-the-proxy-7"
    (line,) = as_json.getvalue().splitlines()
    said = json.loads(line)
    found = answer.json()
    assert (said["id"], said["level"]) == ("from-the-proxy-7", "INFO")
    assert (said["method"], said["route"], said["status"]) == ("POST", "/v1/search", 200)
    assert said["verdict"] == found["verdict"]
    spent = said["milliseconds"]
    assert spent.keys() >= {"decode", "describe", "retrieve", "total"}
    assert spent["describe"] == pytest.approx(found["milliseconds"]["describe"], abs=0.1)


def test_an_answer_says_the_milliseconds_of_each_stage_in_server_timing(
    client: TestClient, shop: Shop
) -> None:
    answer = client.post("/v1/search", files={"image": shop.photo(0).read_bytes()})
    timed = dict(part.split(";dur=") for part in answer.headers["Server-Timing"].split(", "))
    spent = {stage: each for stage, each in answer.json()["milliseconds"].items() if each}
    assert timed.keys() >= spent.keys()
    for stage, each in spent.items():
        assert float(timed[stage]) == pytest.approx(each, abs=0.1)
    assert "Server-Timing" not in client.get("/v1/collection").headers


def test_a_request_line_as_text_names_the_route_and_not_the_path(
    client: TestClient, as_text: StringIO
) -> None:
    answer = client.get("/v1/products/p00")
    (line,) = as_text.getvalue().splitlines()
    _, level, given, *rest = line.split()
    assert (level, given) == ("INFO", answer.headers["X-Request-ID"])
    assert rest[:4] == ["GET", "/v1/products/{product_id:path}", "200", "-"]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ({"X-Request-ID": "a" * 128}, "a" * 128),
        ({"traceparent": f"00-{'4b' * 16}-{'0a' * 8}-01"}, "4b" * 16),
        ({"X-Request-ID": "a" * 129}, None),
        ({"X-Request-ID": "two words"}, None),
        ({"X-Request-ID": "<b>"}, None),
        ({}, None),
    ],
)
def test_a_request_id_is_taken_where_it_could_not_be_mistaken_for_text(
    client: TestClient, sent: dict[str, str], taken: str | None
) -> None:
    given = client.get("/health/live", headers=sent).headers["X-Request-ID"]
    if taken is None:
        assert len(bytes.fromhex(given)) == 16
        assert given not in sent.values()
    else:
        assert given == taken


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            CollectionError("rows.lance is gone"),
            503,
            "503 collection-unavailable: rows.lance is gone",
        ),
        (OSError("no\nroute"), 500, r"500 fault: OSError: no\nroute"),
    ],
)
def test_an_error_of_the_server_is_logged_once_with_time_level_id_and_cause(
    opened: Opened,
    as_text: StringIO,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    said: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Collection, "ready", fail)
    answer = opened().get("/health/ready", headers={"X-Request-ID": "id-9"})
    assert answer.status_code == status
    assert answer.headers["X-Request-ID"] == "id-9"
    assert str(error) not in answer.text
    errors = [line for line in as_text.getvalue().splitlines() if " ERROR " in line]
    assert [line.split(" ", 1)[1] for line in errors] == [f"ERROR id-9 {said}"]


def test_a_storage_that_hangs_is_blamed_on_the_server_and_named_in_the_log(
    opened: Opened, as_text: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def hanging_storage(_: object) -> None:
        gate.wait()

    monkeypatch.setattr(Collection, "ready", hanging_storage)
    try:
        answer = opened(seconds=1).get("/health/ready", headers={"X-Request-ID": "slow-1"})
    finally:
        gate.set()
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:beautylens:too-slow")
    assert "storage is slow" in answer.json()["detail"]
    assert "picture" not in answer.json()["detail"]
    (line,) = [line for line in as_text.getvalue().splitlines() if " ERROR " in line]
    assert "slow-1 503 too-slow: no answer within 1 seconds; running:" in line
    assert "(hanging_storage)" in line
