"""LanceDB's import: whole for every thread, and nothing of pydantic left changed."""

from __future__ import annotations

import subprocess
import sys

TWO_THREADS = """
import threading, time
import pydantic
from beautylens.store.lance import import_lancedb

whole, checking = [], pydantic.validate_call
def ask():
    whole.append(import_lancedb().connect)
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads:
    thread.start()
    time.sleep(0.1)
for thread in threads:
    thread.join()
assert len(whole) == 4 and len(set(whole)) == 1, whole
assert pydantic.validate_call is checking
"""


def test_threads_that_ask_at_once_all_get_the_whole_of_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_THREADS], check=False, stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == 0, done.stderr
