"""The TypeScript client under Node: its own tests, its package, and the example of its page."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Shop
from tests.outside.process import Served
from tests.pages import ROOT, blocks

CLIENT = ROOT / "clients/typescript"

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")


def run(*command: str, folder: Path = CLIENT) -> str:
    environment = {**os.environ, "npm_config_update_notifier": "false"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_clients_own_tests_pass() -> None:
    assert "fail 0" in run("node", "--test")


def test_the_package_is_complete_and_the_pages_example_finds_a_product(
    server: Served, shop: Shop, tmp_path: Path
) -> None:
    run("npm", "pack", "--pack-destination", str(tmp_path))
    (archive,) = tmp_path.glob("*.tgz")
    shutil.unpack_archive(archive, tmp_path)
    (tmp_path / "node_modules").mkdir()
    package = (tmp_path / "package").rename(tmp_path / "node_modules/beautylens")
    assert {"index.js", "index.d.ts", "types.d.ts", "package.json", "README.md"} == {
        file.name for file in package.iterdir()
    }
    (example,) = (each.text for each in blocks("docs/typescript.md") if each.language == "js")
    shutil.copy(shop.photo(2), tmp_path / "photo.jpg")
    own = example.replace("https://lens.example", server.address)
    (tmp_path / "example.mjs").write_text(own, "utf-8")
    said = run("node", "example.mjs", folder=tmp_path).splitlines()
    assert said[0].endswith(f"{server.address}/v1/products/p02/image?side=640")
    assert "count:" in "".join(said)
    assert said[-3].startswith("0 ")
    assert said[-2].startswith("1 the photo holds no known picture")
    assert said[-1] == "404 no product 'no such product' in this collection"
