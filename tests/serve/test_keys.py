"""Read keys: who may search, and how often."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from beautylens.errors import ServeError
from beautylens.serve.keys import ReadKey, ReadKeys, read_read_keys
from beautylens.serve.settings import ServeSettings
from tests.serve.conftest import KEY, WRITER, Opened

APP, SHOP = "key-of-the-app-1234567", "key-of-the-shop-123456"
KEYS = [{"name": "app", "key": APP, "per_minute": 2}, {"name": "shop", "key": SHOP}]


def asked(client: TestClient, key: str | None, path: str = "/v1/search") -> object:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return client.post(path, headers=headers)


@pytest.mark.parametrize("path", ["/v1/search", "/v1/search/batch", "/v1/explain", "/v1/feedback"])
def test_with_read_keys_searching_needs_one(opened: Opened, path: str) -> None:
    client = opened(read_keys=KEYS)
    for wrong in (None, "", APP[:-1], KEY):
        answer = asked(client, wrong, path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "read key" in answer.json()["detail"]
    # Let in, and told what is missing.
    assert asked(client, SHOP, path).status_code == 422


def test_products_and_the_page_need_no_read_key_and_the_collection_says_that_searches_do(
    opened: Opened,
) -> None:
    client = opened(read_keys=KEYS)
    assert client.get("/v1/products/p00").status_code == 200
    assert client.get("/v1/collection").json()["needs_key"] is True
    assert opened().get("/v1/collection").json()["needs_key"] is False
    assert opened().post("/v1/search").status_code == 422


def test_the_write_key_searches_too_and_a_read_key_never_writes(opened: Opened) -> None:
    client = opened(read_keys=KEYS, key=KEY)
    assert client.post("/v1/search", headers=WRITER).status_code == 422
    headers = {"Authorization": f"Bearer {SHOP}"}
    assert client.delete("/v1/products/p00", headers=headers).status_code == 401
    assert client.get("/metrics", headers=headers).status_code == 401


def test_a_key_over_its_limit_is_told_when_to_come_back_and_counted(opened: Opened) -> None:
    client = opened(read_keys=KEYS)
    assert [asked(client, APP).status_code for _ in range(3)] == [422, 422, 429]
    limited = asked(client, APP)
    assert limited.json()["type"] == "urn:beautylens:key-limit"
    assert 1 <= int(limited.headers["Retry-After"]) <= 30
    assert asked(client, SHOP).status_code == 422
    asked(client, None)
    text = client.get("/metrics").text
    assert APP not in text
    counted = {
        (sample.labels["key"], sample.labels["outcome"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "beautylens_read_key_requests_total"
    }
    assert counted == {
        ("app", "allowed"): 2,
        ("app", "limited"): 2,
        ("shop", "allowed"): 1,
        ("", "refused"): 1,
    }


def test_every_photo_of_a_batch_counts(opened: Opened) -> None:
    client = opened(read_keys=KEYS)
    headers = {"Authorization": f"Bearer {APP}"}
    files = [("image", b"no picture")] * 4
    answer = client.post("/v1/search/batch", files=files, headers=headers)
    assert len([json.loads(line) for line in answer.text.splitlines()]) == 4
    limited = asked(client, APP)
    assert limited.status_code == 429
    # Two more than the minute allows are paid back first.
    assert 60 < int(limited.headers["Retry-After"]) <= 90


def test_every_photo_of_one_product_counts(opened: Opened) -> None:
    client = opened(read_keys=KEYS)
    headers = {"Authorization": f"Bearer {APP}"}
    files = [("image", b"no picture")] * 3
    assert client.post("/v1/search", files=files, headers=headers).status_code == 422
    limited = asked(client, APP)
    assert limited.status_code == 429
    assert 30 < int(limited.headers["Retry-After"]) <= 60


def test_an_event_needs_a_key_and_is_no_photo(opened: Opened) -> None:
    client = opened(read_keys=KEYS)
    assert asked(client, None, "/v1/events").status_code == 401
    assert [asked(client, APP, "/v1/events").status_code for _ in range(4)] == [422] * 4
    assert [asked(client, APP).status_code for _ in range(3)] == [422, 422, 429]


def test_a_minute_fills_the_limit_again_evenly() -> None:
    seconds = 0.0
    keys = ReadKeys([ReadKey(name="app", key=APP, per_minute=6)], clock=lambda: seconds)
    limiter = keys.limiters["app"]
    for _ in range(6):
        assert limiter.wait() == 0
        limiter.take(1)
    assert limiter.wait() == 10
    seconds = 9.5
    assert limiter.wait() == 1
    seconds = 10.0
    assert limiter.wait() == 0
    limiter.take(1)
    assert limiter.wait() == 10
    seconds = 1000.0
    assert limiter.wait() == 0
    limiter.take(6)
    assert limiter.wait() == 10


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "keys"
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def test_a_file_has_a_key_on_each_line(tmp_path: Path) -> None:
    file = written(tmp_path, f"# of the shops\n\napp {APP} 60\nshop\t{SHOP}\n")
    keys = read_read_keys(file)
    assert [(each.name, each.key, each.per_minute) for each in keys] == [
        ("app", APP, 60),
        ("shop", SHOP, None),
    ]
    assert read_read_keys(None) == ()
    settings = ServeSettings(collection="shop.lens", read_keys=keys)
    assert ServeSettings.model_validate_json(settings.model_dump_json()).read_keys == keys
    assert APP not in repr(settings)
    assert APP not in repr(keys)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# nothing", "has no keys"),
        ("app", "line 1 of .* is not `name key"),
        (f"app {APP} 60 more", "line 1 of .* is not `name key"),
        (f"a/b {APP}", "line 1 of .* is not `name key"),
        ("\napp short", "key on line 2 of .* shorter than 16"),
        (f"app {'é' * 20}", "not ASCII"),
        (f"app {APP} 0", "limit on line 1 of .* is '0'"),
        (f"app {APP} many", "limit on line 1 of .* is 'many'"),
        (f"app {APP}\napp {SHOP}", "same name or key"),
        (f"app {APP}\nshop {APP}", "same name or key"),
    ],
)
def test_a_file_of_keys_that_would_not_do_gets_one_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ServeError, match=said) as refused:
        read_read_keys(written(tmp_path, text))
    assert APP not in str(refused.value)


def test_read_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match=r"contains read keys .*chmod 600"):
        read_read_keys(written(tmp_path, f"app {APP}", 0o644))
    with pytest.raises(ServeError, match="cannot be read; give a file with read keys"):
        read_read_keys(tmp_path / "none")


def test_the_description_says_that_a_key_is_needed_only_where_one_is(opened: Opened) -> None:
    def security(client: TestClient) -> object:
        return client.get("/openapi.json").json()["paths"]["/v1/search"]["post"].get("security")

    assert security(opened(read_keys=KEYS)) == [{"HTTPBearer": []}]
    assert security(opened()) is None
