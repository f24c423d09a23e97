"""What the README shows runs as it stands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Shop, make_shop

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder holding everything that the README's examples name."""
    shop: Shop = make_shop(tmp_path_factory.mktemp("readme") / "shop", 4)
    here = shop.folder
    (here / "pictures").mkdir()
    for name, number in (("1001-front", 0), ("1001-back", 1), ("1002", 2)):
        shutil.copy(shop.picture(number), here / "pictures" / f"{name}.jpg")
    (table,) = blocks("csv")
    (here / "products.csv").write_text(table, "utf-8")
    shutil.copy(here / "products.csv", here / "new.csv")
    (here / "truth.csv").write_text("image,product_ids\nphoto.jpg,1001\n", "utf-8")
    shutil.copy(shop.photo(0), here / "photo.jpg")
    return here


def test_the_commands_of_the_readme_run_in_order(folder: Path) -> None:
    text = next(block for block in blocks("sh") if "beautylens index" in block)
    commands = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    assert len(commands) == 9
    prefix = f"{sys.executable} -c 'from beautylens.cli import main; main()'"
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command.replace("beautylens", prefix, 1)],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)


def test_the_python_example_of_the_readme_prints_the_products(folder: Path) -> None:
    (example,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout.startswith("Velvet Lipstick")
