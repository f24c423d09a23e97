"""Addresses of a Ray cluster that wants a token: what works, and what is said."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Shop, make_shop
from tests.outside.process import until

pytest.importorskip("ray", reason="needs the extra scale")


@dataclass(frozen=True)
class Head:
    """The first node of a cluster: its port, that of its client, and the home with its token."""

    port: int
    client: int
    home: Path


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    home = tmp_path_factory.mktemp("home")
    # Where a machine has a token, `ray start` wants it.
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text(secrets.token_hex(32), "utf-8")
    started = Head(free_port(), free_port(), home)
    running = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *("--port", str(started.port), "--ray-client-server-port", str(started.client)),
            *("--num-cpus", "1", "--include-dashboard", "false", "--disable-usage-stats"),
            *("--object-store-memory", "100000000"),
        ],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: answers(started.port) and answers(started.client), 120)
    yield started
    running.terminate()
    running.wait(60)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    shop = make_shop(tmp_path_factory.mktemp("small"), 3)
    (shop.folder / "fast.toml").write_text("[encoder]\nside = 64\n")
    return shop


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def answers(port: int) -> bool:
    with closing(socket.socket()) as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def environment(home: Path, **variables: str) -> dict[str, str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")}
    return inherited | {"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)} | variables


def index(
    shop: Shop, target: Path, address: str, home: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    command = ("index", shop.table, target, "--recipe", shop.folder / "fast.toml", "--no-read")
    return subprocess.run(
        [sys.executable, "-m", "beautylens", *map(str, command), "--ray", address],
        env=environment(home, **variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.parametrize("address", ["127.0.0.1:{0.port}", "ray://127.0.0.1:{0.client}"])
def test_a_cluster_on_this_machine_is_sent_its_token(
    head: Head, small: Shop, tmp_path: Path, address: str
) -> None:
    done = index(small, tmp_path / "shop.lens", address.format(head), head.home)
    assert done.returncode == 0, done.stderr
    assert "3 products, 3 pictures" in done.stderr


def test_a_token_that_is_missing_or_wrong_is_said(head: Head, small: Shop, tmp_path: Path) -> None:
    address = f"127.0.0.1:{head.port}"
    none = index(small, tmp_path / "a.lens", address, tmp_path)
    assert none.stderr.startswith(f"error: the Ray cluster at {address} wants a token: copy ")
    other = {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    wrong = index(small, tmp_path / "a.lens", address, head.home, **other)
    assert wrong.stderr.startswith(
        f"error: the Ray cluster at {address} refuses the token of RAY_AUTH_TOKEN: copy "
    )
    assert {none.stderr.count("\n"), wrong.stderr.count("\n")} == {1}
    assert not (tmp_path / "a.lens").exists()


def test_the_port_of_the_client_and_that_of_the_cluster_are_told_apart(
    head: Head, small: Shop, tmp_path: Path
) -> None:
    said = index(small, tmp_path / "a.lens", f"127.0.0.1:{head.client}", head.home).stderr
    assert f"is the port of Ray's client: give --ray ray://127.0.0.1:{head.client}" in said
    said = index(small, tmp_path / "a.lens", f"ray://127.0.0.1:{head.port}", head.home).stderr
    assert f"not of its client: give --ray 127.0.0.1:{head.port}" in said
