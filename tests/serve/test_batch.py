"""Many photos in one request."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from beautylens.collection import Collection
from beautylens.serve.middleware.limits import RequestLimits
from beautylens.serve.paging import Page
from beautylens.serve.routes.batch import _lines
from beautylens.serve.service import Service
from beautylens.serve.settings import ServeSettings
from tests.conftest import Shop
from tests.serve.conftest import Opened


def batch(client: TestClient, photos: list[bytes], **fields: object) -> object:
    files = [("image", photo) for photo in photos]
    return client.post("/v1/search/batch", files=files, data=fields)


def test_each_photo_gets_a_line_in_order_and_an_unreadable_one_its_problem(
    client: TestClient, shop: Shop
) -> None:
    photos = [shop.photo(2).read_bytes(), b"no picture", shop.photo(0).read_bytes()]
    answer = batch(client, photos, limit=2)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/jsonl"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert [line["answer"]["matches"][0]["product_id"] for line in lines[::2]] == ["p02", "p00"]
    assert [len(line["answer"]["matches"]) for line in lines[::2]] == [2, 2]
    assert lines[0]["problem"] is None
    assert lines[1]["answer"] is None
    assert lines[1]["problem"]["type"] == "urn:beautylens:unreadable-picture"
    assert "no known picture" in lines[1]["problem"]["detail"]


@pytest.mark.parametrize(
    ("count", "fields", "status", "said"),
    [
        (0, {"limit": "3"}, 422, "image: missing"),
        (33, {}, 400, "maximum number of files is 32"),
        (1, {"limit": "51"}, 422, "limit"),
        (1, {"where": "brnd = 'x'"}, 422, "did you mean 'brand'?"),
    ],
)
def test_a_wrong_batch_gets_one_sentence_before_any_photo_is_searched(
    opened: Opened, count: int, fields: dict[str, str], status: int, said: str
) -> None:
    answer = opened().post(
        "/v1/search/batch",
        files=[("image", b"never read")] * count + [(n, (None, t)) for n, t in fields.items()],
    )
    assert answer.status_code == status
    assert said in answer.json()["detail"]


class UnknownError(Exception):
    """Not one of the errors that are known."""


def test_a_fault_of_the_server_in_a_batch_says_nothing_of_itself(
    opened: Opened, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise UnknownError("/secret/path")

    monkeypatch.setattr(type(collection), "photo", fail)
    answer = batch(opened(), [b"x", b"y"])
    assert [json.loads(line)["problem"]["status"] for line in answer.text.splitlines()] == [500] * 2
    assert "secret" not in answer.text


@pytest.fixture
def four_threads(collection: Collection) -> Iterator[Service]:
    service = Service(collection, ServeSettings(collection=collection.address, threads=4))
    yield service
    service.close()


def test_batches_leave_half_of_the_threads_to_other_searches(
    four_threads: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, running = threading.Event(), threading.Semaphore(0)

    def wait(*_: object, **__: object) -> None:
        running.release()
        gate.wait()
        raise UnknownError

    monkeypatch.setattr(four_threads, "photo", wait)

    async def served() -> tuple[int, str, int]:
        lines = [_lines(four_threads, [b"x"] * 8, Page(), "") for _ in range(2)]
        firsts = [asyncio.create_task(anext(each)) for each in lines]
        for _ in range(2):
            await asyncio.to_thread(running.acquire)
        # Every task has reached the gate or the semaphore: a third would be in the queue, too.
        taken = four_threads.searching.taken
        other = await four_threads.searching.do(lambda: "answered")
        gate.set()
        await asyncio.gather(*firsts)
        rest = [line for each in lines async for line in each]
        return taken, other, len(rest)

    assert asyncio.run(served()) == (2, "answered", 14)


def test_a_client_that_leaves_ends_its_batch(
    four_threads: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[bytes] = []

    def fail(photo: bytes, **_: object) -> None:
        begun.append(photo)
        raise UnknownError

    monkeypatch.setattr(four_threads, "photo", fail)

    async def left() -> None:
        lines = _lines(four_threads, [b"%d" % number for number in range(32)], Page(), "")
        await anext(lines)
        await lines.aclose()

    asyncio.run(left())
    assert len(begun) < 32


def test_a_stream_may_take_longer_than_a_request_may_take_to_arrive() -> None:
    async def streaming(_: object, receive: object, send: object) -> None:
        assert (await receive())["more_body"] is False
        # As a streamed response does: it waits for the client to leave.
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[dict[str, object]] = []

    async def talk() -> None:
        arrived = iter([{"type": "http.request", "body": b"x", "more_body": False}])

        async def receive() -> dict[str, object]:
            message = next(arrived, None)
            if message is None:
                # Past the deadline of 0 seconds.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                return {"type": "http.disconnect"}
            return message

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "headers": [],
            "raw_path": b"/",
            "query_string": b"",
        }
        await RequestLimits(streaming, 100, 0.0)(scope, receive, send)

    asyncio.run(talk())
    assert [message.get("status") for message in sent] == [200]
