"""Where a host may redirect to."""

from __future__ import annotations

import socket

import pytest

from beautylens.files import redirects
from beautylens.files.redirects import redirect_problem, trust_redirects_to

RESOLVED = {"cdn.example": ["93.184.216.34"], "v6.example": ["2606:4700::1111"],
            "inside.example": ["10.0.0.5"], "half.example": ["93.184.216.34", "127.0.0.1"],
            "mapped.example": ["::ffff:127.0.0.1"], "metadata.example": ["169.254.169.254"],
            "local6.example": ["fe80::1%eth0"], "many.example": ["224.0.0.1"],
            "nat64.example": ["64:ff9b::a00:5"], "6to4.example": ["2002:7f00:1::"]}  # fmt: skip


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolve the names of these tests without a network, and addresses as they stand."""

    def resolve(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host == "nowhere.example":
            raise socket.gaierror
        return [(0, 0, 0, "", (ip, 0)) for ip in RESOLVED.get(host, [host])]

    monkeypatch.setattr(redirects.socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("http://shop.example/1.jpg", "http://shop.example/2.jpg"),
        ("http://shop.example/1.jpg", "https://shop.example/1.jpg"),
        ("http://shop.example:8080/1.jpg", "http://shop.example:8080/2.jpg"),
        ("http://127.0.0.1:9000/1.jpg", "http://127.0.0.1:9000/2.jpg"),
        ("https://shop.example/1.jpg", "https://cdn.example/1.jpg"),
        ("https://shop.example/1.jpg", "https://v6.example:443/1.jpg"),
        ("https://shop.example/1.jpg", "https://nowhere.example/1.jpg"),
    ],
)
def test_a_host_may_redirect_to_itself_and_to_public_hosts(source: str, target: str) -> None:
    assert redirect_problem(source, target) is None


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://shop.example:6379/", "another port"),
        ("https://cdn.example:8443/", "another port"),
        ("http://127.0.0.1/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://0.0.0.0/", "private network"),
        ("http://169.254.169.254/latest/meta-data/", "private network"),
        ("http://inside.example/", "private network"),
        ("http://half.example/", "private network"),
        ("http://mapped.example/", "private network"),
        ("http://metadata.example/", "private network"),
        ("http://local6.example/", "private network"),
        ("http://many.example/", "private network"),
        ("http://nat64.example/", "private network"),
        ("http://6to4.example/", "private network"),
        ("ftp://cdn.example/", "no http or https address"),
        ("file:///etc/passwd", "no http or https address"),
    ],
)
def test_a_host_leads_to_no_other_port_and_into_no_private_network(
    target: str, reason: str
) -> None:
    assert reason in str(redirect_problem("http://shop.example/1.jpg", target))


def test_a_private_host_leads_to_none_of_its_other_ports() -> None:
    assert (
        redirect_problem("http://127.0.0.1:9000/", "http://127.0.0.1:80/")
        == "redirects to another port"
    )


def test_a_host_may_redirect_to_one_that_the_user_trusts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "_TRUSTED", set())
    trust_redirects_to(["Inside.example", "127.0.0.1:9000"])
    source = "https://shop.example/1.jpg"
    assert redirect_problem(source, "http://inside.example:8080/1.jpg") is None
    assert redirect_problem(source, "http://127.0.0.1:9000/1.jpg") is None
    assert redirect_problem(source, "http://127.0.0.1:9001/1.jpg") == "redirects to another port"
    assert redirect_problem(source, "http://half.example/") == "redirects into a private network"
