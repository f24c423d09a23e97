"""The file lock of writers: one at a time, of threads and processes, and no file is harmed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from beautylens.store.write_lock import LOCK, write_lock

HOLD = """
import sys
from pathlib import Path
from beautylens.store.write_lock import write_lock
with write_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_writers_of_several_threads_follow_one_another(tmp_path: Path) -> None:
    at_once, most, together = 0, 0, Barrier(4)

    def write(_: int) -> None:
        nonlocal at_once, most
        together.wait()
        for _again in range(5):
            with write_lock(tmp_path):
                at_once += 1
                most = max(most, at_once)
                at_once -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert (at_once, most) == (0, 1)


def test_a_process_that_is_killed_lets_the_next_writer_in(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with ThreadPoolExecutor(1) as pool:
            entered = pool.submit(_enter, tmp_path)
            assert not entered.done()
            holder.kill()
            entered.result(timeout=60)


def _enter(folder: Path) -> None:
    with write_lock(folder):
        pass


def test_a_file_that_has_the_locks_name_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("precious")
    for _ in range(2):
        with write_lock(tmp_path):
            assert (tmp_path / LOCK).read_text() == "precious"
    assert (tmp_path / LOCK).read_text() == "precious"
