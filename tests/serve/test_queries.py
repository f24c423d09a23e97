"""Kept searches: events, review, retention and deletion."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from beautylens.catalogue.truth import read_truth
from beautylens.serve.kept import answers, queries
from tests.conftest import Shop
from tests.serve.conftest import KEY, WRITER, Opened

UNKNOWN = "0" * 32


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def keeping(opened: Opened, kept: Path) -> TestClient:
    return opened(keep=kept, key=KEY)


def searched(client: TestClient, shop: Shop, number: int = 0) -> dict[str, Any]:
    answer = client.post("/v1/search", files={"image": shop.photo(number).read_bytes()})
    assert answer.status_code == 200
    return dict(answer.json())


def listed(client: TestClient) -> list[dict[str, Any]]:
    answer = client.get("/v1/queries", headers=WRITER)
    assert answer.status_code == 200
    return list(answer.json()["queries"])


def multipart(client: TestClient, method: str, address: str, **fields: str) -> int:
    """Send fields as a multipart form, as browsers do."""
    parts = {name: (None, value) for name, value in fields.items()}
    return client.request(method, address, files=parts, headers=WRITER).status_code


def test_every_answer_has_an_id_and_nothing_is_kept_unless_asked(
    opened: Opened, shop: Shop, kept: Path
) -> None:
    client = opened(key=KEY)
    first, second = searched(client, shop), searched(client, shop)
    assert first["query_id"] != second["query_id"]
    assert client.get("/v1/queries", headers=WRITER).status_code == 403
    assert client.get("/v1/collection").json()["keep_days"] is None
    assert not kept.exists()


def test_a_search_is_kept_with_its_photo_and_what_was_answered(
    keeping: TestClient, shop: Shop
) -> None:
    answer = searched(keeping, shop)
    (search,) = listed(keeping)
    assert search["query_id"] == answer["query_id"]
    assert search["verdict"] == answer["verdict"]
    assert [each["product_id"] for each in search["products"]] == [
        each["product_id"] for each in answer["matches"]
    ]
    assert search["label"] is None
    photo = keeping.get(search["photo"], headers=WRITER)
    assert Image.open(io.BytesIO(photo.content)).size == Image.open(shop.photo(0)).size
    assert keeping.get("/v1/collection").json()["keep_days"] == 30


@pytest.mark.parametrize("address", ["/v1/queries", f"/v1/queries/{UNKNOWN}/photo"])
def test_kept_searches_are_for_the_owner_alone(keeping: TestClient, address: str) -> None:
    assert keeping.get(address).status_code == 401


def test_clicks_are_counted_by_rank_and_stored(keeping: TestClient, shop: Shop) -> None:
    answer = searched(keeping, shop)
    said = {"query_id": answer["query_id"], "event": "click", "product_id": "p01", "rank": "2"}
    assert multipart(keeping, "POST", "/v1/events", **said) == 204
    (search,) = listed(keeping)
    assert search["events"] == [{"event": "click", "product_id": "p01"}]
    assert search["label"] is None
    metrics = keeping.get("/metrics", headers=WRITER).text
    assert 'beautylens_events_total{event="click"} 1.0' in metrics
    assert 'beautylens_clicks_total{rank="2"} 1.0' in metrics


def test_what_a_person_says_labels_the_photo_until_the_owner_does(
    keeping: TestClient, shop: Shop, kept: Path
) -> None:
    query_id = searched(keeping, shop)["query_id"]
    said = {"query_id": query_id, "event": "correct", "product_id": "p01"}
    assert multipart(keeping, "POST", "/v1/events", **said) == 204
    assert listed(keeping)[0]["label"] == "p01"
    address = f"/v1/queries/{query_id}"
    assert multipart(keeping, "PUT", address, product_id="p00") == 204
    assert multipart(keeping, "POST", "/v1/events", **said) == 204
    assert listed(keeping)[0]["label"] == "p00"
    (row,) = read_truth(kept / "answers.csv")
    assert row.product_ids == {"p00"}
    assert multipart(keeping, "PUT", address, none="true") == 204
    (row,) = read_truth(kept)
    assert row.product_ids == frozenset()


def test_events_without_a_folder_are_counted_alone(opened: Opened, shop: Shop) -> None:
    client = opened(key=KEY)
    said = {"query_id": searched(client, shop)["query_id"], "event": "cart", "product_id": "p00"}
    assert multipart(client, "POST", "/v1/events", **said) == 204
    assert (
        'beautylens_events_total{event="cart"} 1.0' in client.get("/metrics", headers=WRITER).text
    )


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"query_id": UNKNOWN, "event": "none"}, 404),
        ({"query_id": "shop", "event": "none"}, 422),
        ({"event": "click", "product_id": "p99"}, 404),
        ({"event": "click"}, 422),
        ({"event": "none", "product_id": "p00"}, 422),
        ({"event": "bought", "product_id": "p00"}, 422),
        ({"event": "correct", "product_id": "p00;p01"}, 422),
    ],
)
def test_an_event_that_cannot_be_is_refused(
    keeping: TestClient, shop: Shop, said: dict[str, str], status: int
) -> None:
    said = {"query_id": searched(keeping, shop)["query_id"]} | said
    assert multipart(keeping, "POST", "/v1/events", **said) == status
    assert listed(keeping)[0]["label"] is None


def test_unlabelled_searches_come_first(keeping: TestClient, shop: Shop) -> None:
    ids = [searched(keeping, shop, number)["query_id"] for number in range(3)]
    assert multipart(keeping, "PUT", f"/v1/queries/{ids[2]}", product_id="p02") == 204
    found = [search["query_id"] for search in listed(keeping)]
    assert found[-1] == ids[2]
    answer = keeping.get("/v1/queries?limit=1&offset=2", headers=WRITER).json()
    assert answer["unlabelled"] == 2
    assert [search["query_id"] for search in answer["queries"]] == [ids[2]]


def test_a_deleted_search_leaves_nothing(keeping: TestClient, shop: Shop, kept: Path) -> None:
    query_id = searched(keeping, shop)["query_id"]
    address = f"/v1/queries/{query_id}"
    assert multipart(keeping, "PUT", address, product_id="p00") == 204
    assert keeping.delete(address, headers=WRITER).status_code == 204
    assert listed(keeping) == []
    assert not list((kept / "photos").iterdir())
    assert (kept / "answers.csv").read_text("utf-8").split() == ["image,product_ids,kind"]
    assert keeping.delete(address, headers=WRITER).status_code == 404
    assert keeping.get(f"{address}/photo", headers=WRITER).status_code == 404


def test_searches_that_nobody_labelled_are_deleted_when_they_are_old(
    keeping: TestClient, shop: Shop, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [searched(keeping, shop, number)["query_id"] for number in range(2)]
    assert multipart(keeping, "PUT", f"/v1/queries/{ids[0]}", product_id="p00") == 204
    later = time.time() + 31 * 24 * 3600
    monkeypatch.setattr(queries.time, "time", lambda: later)
    latest = searched(keeping, shop, 2)["query_id"]
    queries.KeptQueries(kept, 30).sweep()
    assert {search["query_id"] for search in listed(keeping)} == {ids[0], latest}


def test_of_too_many_searches_the_oldest_are_deleted(
    keeping: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST", 2)
    ids = [searched(keeping, shop, number)["query_id"] for number in range(3)]
    assert {search["query_id"] for search in listed(keeping)} == set(ids[1:])


def test_what_is_kept_is_for_this_user_alone(keeping: TestClient, shop: Shop, kept: Path) -> None:
    searched(keeping, shop)
    modes = {path.name: path.stat().st_mode & 0o777 for path in kept.rglob("*")}
    assert modes.pop("photos") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_folder_that_cannot_be_written_costs_no_answer(
    opened: Opened, shop: Shop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    client = opened(keep=tmp_path / "file" / "kept", key=KEY)
    assert searched(client, shop)["matches"]
    assert "a search was not kept" in caplog.text


def photo_of(shop: Shop, number: int) -> dict[str, bytes]:
    return {"image": shop.photo(number).read_bytes()}


def test_the_owners_label_holds_for_all_searches_with_the_photo(
    keeping: TestClient, shop: Shop, kept: Path
) -> None:
    first, second = (searched(keeping, shop)["query_id"] for _ in range(2))
    assert multipart(keeping, "PUT", f"/v1/queries/{first}", product_id="p00") == 204
    said = {"query_id": second, "event": "correct", "product_id": "p01"}
    assert multipart(keeping, "POST", "/v1/events", **said) == 204
    assert [search["label"] for search in listed(keeping)] == ["p00", "p00"]
    (row,) = read_truth(kept)
    assert row.product_ids == {"p00"}
    assert keeping.delete(f"/v1/queries/{second}", headers=WRITER).status_code == 204
    assert listed(keeping) == []
    assert not list((kept / "photos").iterdir())


def test_an_old_search_leaves_the_answer_that_somebody_gave_on_its_photo(
    keeping: TestClient, shop: Shop, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(keeping, shop)
    answer = keeping.post("/v1/feedback", files=photo_of(shop, 0), data={"product_id": "p00"})
    assert answer.status_code == 204
    later = time.time() + 31 * 24 * 3600
    monkeypatch.setattr(queries.time, "time", lambda: later)
    queries.KeptQueries(kept, 30).sweep()
    assert listed(keeping) == []
    (row,) = read_truth(kept)
    assert row.product_ids == {"p00"}
    assert row.image.exists()


def test_a_full_folder_takes_the_owners_labels_but_no_more_of_others(
    keeping: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 100)
    query_id = searched(keeping, shop)["query_id"]
    said = {"query_id": query_id, "event": "correct", "product_id": "p01"}
    assert multipart(keeping, "POST", "/v1/events", **said) == 507
    assert listed(keeping)[0]["label"] is None
    assert listed(keeping)[0]["events"] == []
    assert multipart(keeping, "PUT", f"/v1/queries/{query_id}", product_id="p00") == 204


def test_only_so_many_events_of_a_search_are_kept(
    keeping: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "MOST_EVENTS", 2)
    said = {"event": "click", "product_id": "p01", "query_id": searched(keeping, shop)["query_id"]}
    for _ in range(3):
        assert multipart(keeping, "POST", "/v1/events", **said) == 204
    assert len(listed(keeping)[0]["events"]) == 2


def test_a_click_after_a_search_by_words_is_counted(keeping: TestClient) -> None:
    answer = keeping.post("/v1/search", data={"words": "rouge"}, files={"none": b""}).json()
    said = {"event": "click", "product_id": "p01", "query_id": answer["query_id"]}
    assert multipart(keeping, "POST", "/v1/events", **said) == 204
    metrics = keeping.get("/metrics", headers=WRITER).text
    assert 'beautylens_events_total{event="click"} 1.0' in metrics


def test_photos_that_no_search_has_are_deleted(keeping: TestClient, shop: Shop, kept: Path) -> None:
    searched(keeping, shop)
    (kept / "photos" / "of-a-killed-process.jpg").write_bytes(b"photo")
    queries.KeptQueries(kept, 30).sweep()
    assert len(list((kept / "photos").iterdir())) == 1
