"""What Prometheus reads."""

from __future__ import annotations

import numpy as np
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from beautylens.query import Photo, Query
from beautylens.results import Matches
from beautylens.serve.metrics import Metrics
from tests.conftest import Shop
from tests.serve.conftest import WRITER


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
