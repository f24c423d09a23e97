"""What README and guide show runs as it stands, and prints what they say it prints.

Each block of a page runs in order, in one folder. One that cannot run says why, in a comment above
it that readers do not see: `<!-- not run: ... -->`.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from beautylens.indexing import build
from tests.conftest import make_shop
from tests.pages import ROOT, RUN, Block, blocks
from tests.stand_ins import write_stand_in

EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a user has after `pip install .`: the command on the path, and a terminal."""
    commands = tmp_path_factory.mktemp("bin")
    (commands / "beautylens").write_text(f'#!/bin/sh\nexec {sys.executable} -m beautylens "$@"\n')
    (commands / "beautylens").chmod(0o755)
    path = os.pathsep.join((str(commands), os.environ["PATH"]))
    return {**os.environ, "PATH": path, "COLUMNS": "110", "NO_PROXY": "*",
            "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The folder that the quick start goes through."""
    return Path(shutil.copytree(EXAMPLES / "shop", tmp_path / "shop"))


@pytest.fixture
def challenge(tmp_path: Path) -> Iterator[Path]:
    """The stand-in for the challenge, its pictures served on a port of its own."""
    folder = Path(shutil.copytree(EXAMPLES / "challenge", tmp_path / "challenge"))
    handler = functools.partial(SimpleHTTPRequestHandler, directory=EXAMPLES / "shop" / "pictures")
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    table = folder / "metadata_public.csv"
    addresses = table.read_text("utf-8")
    assert addresses.count(":8001/") == 9
    table.write_text(addresses.replace(":8001/", f":{server.server_address[1]}/"), "utf-8")
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A folder holding everything that the README's examples name."""
    drawn = make_shop(tmp_path / "drawn", 4)
    here = drawn.folder
    (here / "pictures").mkdir()
    for name, number in (("1001-front", 0), ("1001-back", 1), ("1002", 2)):
        shutil.copy(drawn.picture(number), here / "pictures" / f"{name}.jpg")
    (table,) = (block.text for block in blocks("README.md") if block.language == "csv")
    (here / "products.csv").write_text(table, "utf-8")
    shutil.copy(here / "products.csv", here / "new.csv")
    (here / "prices.csv").write_text("product_id,price\n1001,9.90 EUR\n", "utf-8")
    build(drawn.table, here / "demo" / "sample.lens")
    (here / "demo" / "queries").mkdir()
    shutil.copy(drawn.photo(0), here / "demo" / "queries" / "q01.jpg")
    (here / "truth.csv").write_text("image,product_ids\nphoto.jpg,1001\n", "utf-8")
    shutil.copy(drawn.photo(0), here / "photo.jpg")
    return here


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A catalogue, and a small network in place of an encoder that was trained on it."""
    shop = make_shop(tmp_path / "trained", 4)
    shop.table.rename(shop.folder / "products.csv")
    write_stand_in(shop.folder / "own", 1)
    return shop.folder


def run_page(page: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """Run the blocks of a page, check what they print, and return what each that ran printed."""
    printed: list[str] = []
    excused = False
    for block in blocks(page):
        if block.language == "toml":
            name = block.text.partition(":")[0].strip("# ")
            (folder / name).write_text(block.text, "utf-8")
        elif block.language in RUN:
            excused = bool(block.excuse)
            if not excused:
                printed.append(run(block, folder, environment))
        elif block.language == "text" and not excused:
            missing = words(block.text) - words(printed[-1])
            assert not missing, (block.text, printed[-1])
    return printed


def run(block: Block, folder: Path, environment: dict[str, str]) -> str:
    """Return what a block prints; every command of it must do well."""
    command = ["sh", "-e", "-c"] if block.language == "sh" else [sys.executable, "-c"]
    done = subprocess.run(
        [*command, block.text], cwd=folder, env=environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, (block.text, done.stdout)
    return done.stdout


def words(text: str) -> set[str]:
    """What is the same on every machine: words and ids, not the figures."""
    return set(re.findall(r"[A-Za-z][\w@/.-]*[A-Za-z0-9]", text))


def test_the_readme_runs(drawn: Path, environment: dict[str, str]) -> None:
    printed = run_page("README.md", drawn, environment)
    assert printed[0].startswith("Crème 00 day")
    assert "Velvet Lipstick" in printed[1]
    assert len(printed) == 2


def test_the_quick_start_runs_and_prints_what_it_shows(
    shop: Path, environment: dict[str, str]
) -> None:
    printed = run_page("docs/quick-start.md", shop, environment)
    assert printed[-1].splitlines()[1].startswith("ver-64-1 Sensitive Deodorant 24h")
    assert (shop / "report" / "index.html").is_file()
    assert (shop / "why" / "001-lipstick" / "1_tes-01-6_colours.png").is_file()
    for block, table in zip(
        (block for block in blocks("docs/quick-start.md") if block.language == "csv"),
        ("products.csv", "truth.csv"), strict=True,
    ):  # fmt: skip
        assert (EXAMPLES / "shop" / table).read_text("utf-8").startswith(block.text)


def test_the_challenge_runs_to_the_submission_that_is_shown(
    challenge: Path, environment: dict[str, str]
) -> None:
    run_page("docs/challenge.md", challenge, environment)
    (shown,) = (block.text for block in blocks("docs/challenge.md") if block.language == "csv")
    lines = (challenge / "submission.csv").read_text("utf-8").splitlines()
    for line, wanted in zip(lines, shown.splitlines(), strict=True):
        # Those far behind may change places from one processor to another.
        assert line.split(",")[:2] == wanted.split(",")[:2]
        assert len(line.split(",")) == len(wanted.split(","))


def test_a_recipe_of_ones_own_runs(shop: Path, environment: dict[str, str]) -> None:
    assert len(run_page("docs/recipes.md", shop, environment)) == 1


def test_an_encoder_is_made_ready_for_a_phone(trained: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    (printed,) = run_page("docs/training.md", trained, environment)
    assert "own-int8: " in printed
    assert "megamacs" in printed
    assert (trained / "own.onnx").is_file()


def test_the_readme_goes_the_way_of_the_challenge_page() -> None:
    (shown,) = (b.text for b in blocks("README.md") if "fetch perfect500k" in b.text)
    run_there = "".join(b.text for b in blocks("docs/challenge.md") if not b.excuse)
    assert all(line in run_there for line in shown.splitlines())
