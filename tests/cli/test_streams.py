"""Commands whose standard streams are closed, as under some supervisors and in `2>&-`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from beautylens.collection import Collection
from tests.conftest import Shop

PROGRAM = "from beautylens.cli import main; main()"


def run(closed: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that starts with some streams closed."""
    script = f'exec "$0" -c "$@" {closed}'
    return subprocess.run(
        ["sh", "-c", script, sys.executable, PROGRAM, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "<&- 2>&-"])
def test_a_command_answers_with_streams_closed(closed: str, collection: Collection) -> None:
    told = ("info", collection.gallery.address, "--json")
    open_, closed_ = run("", *told), run(closed, *told)
    assert (closed_.returncode, closed_.stdout) == (0, open_.stdout)


@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-"])
def test_a_failure_without_stderr_keeps_its_exit_status(closed: str, tmp_path: Path) -> None:
    assert run(closed, "info", tmp_path / "none.lens").returncode == 1
    assert run(closed, "info").returncode == 2


def test_a_collection_built_without_stderr_is_whole(shop: Shop, tmp_path: Path) -> None:
    built = tmp_path / "built.lens"
    assert run("2>&-", "index", shop.table, built, "--recipe", "fast").returncode == 0
    # What goes to stderr elsewhere: the file of number 2 would have got it.
    assert '"images": 12' in run("", "info", built, "--json").stdout
