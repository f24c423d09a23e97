"""What Prometheus reads."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from beautylens.collection import Collection
from beautylens.errors import CollectionError
from beautylens.query import Photo, Query
from beautylens.results import Matches
from beautylens.serve.collection_metrics import CollectionMetrics
from beautylens.serve.metrics import Metrics
from beautylens.serve.queue_metrics import forget_dead_processes
from beautylens.serve.work_queue import WorkQueue
from tests.conftest import Shop
from tests.serve.conftest import KEY, WRITER, Opened


def figures(client: TestClient) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics", headers=WRITER).text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_searches_stages_and_the_collections_size_are_counted(
    client: TestClient, shop: Shop
) -> None:
    before = figures(client)
    found = client.post("/v1/search", files={"image": shop.photo(0).read_bytes()}).json()
    client.get("/v1/products/p00")
    client.get("/v1/products/p01")
    client.get("/nowhere/at/all")
    client.request("MADEUP", "/v1/search")
    after = figures(client)

    def grown(name: str, *labels: str) -> float:
        key = (name, *sorted(labels))
        return after.get(key, 0.0) - before.get(key, 0.0)

    assert grown("beautylens_requests_total", "/v1/search", "200", "POST") == 1
    assert grown("beautylens_verdicts_total", found["verdict"]) == 1
    assert grown("beautylens_stage_seconds_count", "retrieve") == 1
    assert grown("beautylens_request_seconds_count", "/v1/search", "POST") == 1
    # One label however many products are asked for, and none for what strangers make up.
    route = "/v1/products/{product_id:path}"
    assert grown("beautylens_requests_total", "200", "GET", route) == 2
    assert grown("beautylens_requests_total", "404", "GET", "other") == 1
    assert grown("beautylens_requests_total", "405", "other", "/v1/search") == 1
    assert not any("nowhere" in part or "MADEUP" in part for key in after for part in key)
    assert after["beautylens_images",] >= 12


def test_the_time_of_reading_counts_only_photos_that_were_read() -> None:
    metrics = Metrics({})
    photo = Photo(np.zeros((8, 8, 3), np.uint8))
    query = Query(photo, np.zeros(4, np.float32), reader=lambda: lambda _: ())
    matches = Matches(milliseconds={"read": 3.0}, query=query)
    metrics.searched(matches)
    assert b'beautylens_stage_seconds_count{stage="read"}' not in metrics.text()
    assert query.lines == ()
    metrics.searched(matches)
    assert b'beautylens_stage_seconds_count{stage="read"} 1.0' in metrics.text()


def test_storage_and_vectors_are_told_apart_and_hide_no_other_metric(
    opened: Opened, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = opened(key=KEY)
    up = figures(client)
    assert up["beautylens_part_up", "storage"] == up["beautylens_part_up", "vectors"] == 1

    def fail() -> None:
        raise CollectionError("the cluster does not answer")

    monkeypatch.setattr(type(collection.gallery.vectors), "ready", lambda _: fail())
    down = figures(client)
    assert (down["beautylens_part_up", "storage"], down["beautylens_part_up", "vectors"]) == (1, 0)
    assert down["beautylens_images",] == up["beautylens_images",]
    monkeypatch.setattr(type(collection.gallery.rows.table), "refresh", lambda _: fail())
    down = figures(client)
    assert down["beautylens_part_up", "storage"] == 0
    assert ("beautylens_images",) not in down
    assert down["beautylens_requests_total", "/metrics", "200", "GET"] >= 2


def test_a_part_that_hangs_holds_up_the_metrics_once(collection: Collection) -> None:
    gate = threading.Event()
    metrics = CollectionMetrics({"": collection}, limit=0.05)
    assert metrics._timed(lambda: int(gate.wait()))[0] is None
    assert metrics._timed(lambda: 1) == (None, 0.05)
    gate.set()
    metrics._pool.shutdown()
    assert metrics._hanging is not None
    assert metrics._hanging.result() == 1


def test_queues_say_how_many_wait_how_long_and_whom_they_refuse() -> None:
    metrics, gate = Metrics({}), threading.Event()
    queue = WorkQueue(1, 1, 0.1, name="searching", metrics=metrics.queues)

    async def crowd() -> None:
        work = [asyncio.create_task(queue.do(gate.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        assert b'beautylens_queue_tasks{queue="searching"} 2.0' in metrics.text()
        await asyncio.gather(*work, return_exceptions=True)

    asyncio.run(crowd())
    gate.set()
    queue.close()
    text = metrics.text()
    refused = b'beautylens_queue_refused_total{queue="searching",reason="%s"} %s'
    assert refused % (b"full", b"1.0") in text
    assert refused % (b"late", b"2.0") in text
    # The one that was refused late had not begun.
    assert b'beautylens_queue_wait_seconds_count{queue="searching"} 1.0' in text


@pytest.mark.skipif(os.name != "posix", reason="only there are processes looked for")
def test_tasks_of_processes_that_ended_are_no_longer_counted(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone, here = (tmp_path / f"gauge_livesum_{pid}.db" for pid in (ended.pid, os.getpid()))
    for file in (gone, here):
        file.touch()
    forget_dead_processes(str(tmp_path))
    assert (gone.exists(), here.exists()) == (False, True)
