"""A worker's linear algebra leaves the cores to its searches."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from beautylens.runtime.threads import core_count
from beautylens.serve.app import GIVEN
from beautylens.serve.settings import ServeSettings

WORKER = """
from threadpoolctl import threadpool_info
from beautylens.errors import CollectionError
from beautylens.serve.app import from_environment
try:
    from_environment()
except CollectionError:
    print({each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"})
"""


@pytest.mark.skipif(core_count() == 1, reason="linear algebra has one thread on one core")
def test_a_worker_keeps_linear_algebra_to_the_thread_that_asks(tmp_path) -> None:
    settings = ServeSettings(collection=str(tmp_path / "missing"))
    plain = {name: value for name, value in os.environ.items() if "NUM_THREADS" not in name}
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        check=True,
        env=plain | {GIVEN: settings.model_dump_json()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.stdout.strip() == "{1}"
