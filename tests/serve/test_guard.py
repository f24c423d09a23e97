"""Who is let in, and what browsers are told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from beautylens.cli import app
from beautylens.errors import ServeError
from beautylens.serve.keys import read_key
from beautylens.serve.run import serve
from beautylens.serve.settings import ServeSettings
from tests.conftest import Shop
from tests.serve.conftest import KEY, WRITER, Opened


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    for answer in (client.get("/"), client.get("/nowhere"), client.delete("/v1/products/p00")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "1.2.3.4.evil", ""])
def test_another_host_name_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/v1/collection", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:80", "[::1]:8000", "10.1.2.3"]
)
def test_the_machines_own_names_and_addresses_are_known(client: TestClient, host: str) -> None:
    assert client.get("/v1/collection", headers={"Host": host}).status_code == 200


def test_named_hosts_are_known_and_others_are_not_even_where_all_may_reach_it(
    opened: Opened,
) -> None:
    client = opened(host="0.0.0.0", key=KEY, names=("shop.example",))  # noqa: S104  (a name, never bound)
    assert client.get("/v1/collection", headers={"Host": "shop.example"}).status_code == 200
    assert client.get("/v1/collection", headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_a_probe_may_ask_by_any_host_name(client: TestClient, path: str) -> None:
    assert client.get(path, headers={"Host": "beautylens-7d4b9:8000"}).status_code == 200


def test_another_page_may_not_post(client: TestClient, shop: Shop) -> None:
    files = {"image": shop.photo(0).read_bytes()}
    for origin in ("http://evil.example", "null", "http://localhost:9999", "http://[", ""):
        answer = client.post("/v1/explain", files=files, headers={"Origin": origin})
        assert answer.status_code == 403
    own = client.post(
        "/v1/explain",
        files=files,
        data={"product_id": "p00"},
        headers={"Origin": "http://localhost"},
    )
    assert own.status_code == 200


def test_a_named_origin_may(opened: Opened) -> None:
    client = opened(origins=("https://shop.example",))
    there = {"Origin": "https://shop.example"}
    allowed = client.get("/health", headers=there).headers
    assert allowed["access-control-allow-origin"] == "https://shop.example"
    assert "Server-Timing" in allowed["access-control-expose-headers"]
    assert allowed["timing-allow-origin"] == "https://shop.example"
    asked = {**there, "Access-Control-Request-Method": "POST"}
    assert client.options("/v1/search", headers=asked).status_code == 200
    elsewhere = client.get("/health", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in elsewhere.headers


@pytest.mark.parametrize(
    "header", [None, "", KEY, f"Basic {KEY}", f"Bearer {KEY[:-1]}", "Bearer", "Bearer é"]
)
def test_a_write_without_the_key_is_refused_before_its_body(
    client: TestClient, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = client.put("/v1/products/p00", headers=headers, content=b"never looked at")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert client.delete("/v1/products/p00", headers=headers).status_code == 401
    assert client.get("/metrics", headers=headers).status_code == 401


def test_without_a_key_nothing_can_be_written_whatever_is_sent(opened: Opened) -> None:
    client = opened()
    for headers in ({}, WRITER, {"Authorization": "Bearer "}):
        assert client.delete("/v1/products/p00", headers=headers).status_code == 403
    assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "shop.example"])  # noqa: S104  (refused)
def test_another_address_than_loopback_needs_a_key(host: str, tmp_path) -> None:
    with pytest.raises(ServeError, match="write key"):
        serve(ServeSettings(collection=str(tmp_path), host=host), 0, 1, print)


@pytest.mark.parametrize(
    ("text", "said"), [("short", "16"), ("a key with spaces in it", "header"), ("é" * 20, "header")]
)
def test_a_key_that_would_not_do_is_refused(tmp_path, text: str, said: str) -> None:
    file = tmp_path / "key"
    file.write_text(text, "utf-8")
    file.chmod(0o600)
    with pytest.raises(ServeError, match=said):
        read_key(file)


def test_the_key_comes_from_a_file_or_the_environment(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BEAUTYLENS_KEY", raising=False)
    assert read_key(None) == ""
    monkeypatch.setenv("BEAUTYLENS_KEY", KEY)
    assert read_key(None) == KEY
    file = tmp_path / "key"
    file.write_text("another-key-13579-24680\n", "utf-8")
    file.chmod(0o640)
    assert read_key(file) == "another-key-13579-24680"
    with pytest.raises(ServeError, match="cannot be read"):
        read_key(tmp_path / "none")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602])
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path, mode: int) -> None:
    file = tmp_path / "key"
    file.write_text(KEY, "utf-8")
    file.chmod(mode)
    with pytest.raises(ServeError, match=rf"mode {mode:04o}\); run `chmod 600"):
        read_key(file)


def test_the_key_is_not_shown_with_the_settings() -> None:
    settings = ServeSettings(collection="shop.lens", key=KEY)
    assert KEY not in repr(settings)
    assert KEY not in str(settings)
    given = settings.model_dump() | {"port": 1}
    with pytest.raises(ValidationError) as refused:
        ServeSettings.model_validate(given | {"key": [KEY]})
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "options",
    [
        ["--name", "http://shop.example"],
        ["--origin", "*"],
        ["--origin", "https://shop.example/page"],
    ],
)
def test_names_and_origins_that_could_never_match_are_refused(options: list[str], tmp_path) -> None:
    with pytest.raises(ServeError, match=r"names|origins"):
        app(["serve", str(tmp_path), *options], standalone_mode=False)
