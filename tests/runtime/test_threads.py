"""The cores that a process may use are counted, not those of the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from beautylens.runtime import threads as cores


@pytest.fixture
def grouped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process of a machine of 64 cores whose control groups are in a folder."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(cores, "_CONTROL_GROUPS", tmp_path)
    return tmp_path


def member_of(monkeypatch: pytest.MonkeyPatch, folder: Path, lines: str) -> None:
    file = folder / "membership"
    file.write_text(lines, "utf-8")
    quotas = cores._quotas
    monkeypatch.setattr(cores, "_quotas", lambda root, _: quotas(root, file))


@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({"cpu.max": "200000 100000\n"}, "0::/\n", 2),
        ({"cpu.max": "150000 100000\n"}, "0::/\n", 2),
        ({"cpu.max": "10000 100000\n"}, "0::/\n", 1),
        ({"cpu.max": "max 100000\n"}, "0::/\n", 64),
        ({"cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000\n"}, "0::/a/b\n", 3),
        ({"a/cpu.max": "800000 100000\n", "a/b/cpu.max": "400000 100000\n"}, "0::/a/b\n", 4),
        ({"cpu/cpu.cfs_quota_us": "250000\n", "cpu/cpu.cfs_period_us": "100000\n"},
         "4:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n", 3),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
         "4:cpu,cpuacct:/\n", 64),
        ({}, "0::/\n", 64),
    ],
)  # fmt: skip
def test_the_quota_of_a_container_bounds_the_cores(
    grouped: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, str],
    membership: str,
    expected: int,
) -> None:
    for name, text in files.items():
        (grouped / name).parent.mkdir(parents=True, exist_ok=True)
        (grouped / name).write_text(text, "utf-8")
    member_of(monkeypatch, grouped, membership)
    assert cores.core_count() == expected


def test_cores_that_the_affinity_leaves_out_do_not_count(
    grouped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    assert cores.core_count() == 3


def test_a_machine_without_control_groups_has_its_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    quotas = cores._quotas
    monkeypatch.setattr(cores, "_quotas", lambda root, _: quotas(root, tmp_path / "none"))
    assert cores.core_count() == 6


LIMITED = """
import numpy, cv2
from threadpoolctl import threadpool_info
from beautylens.runtime.threads import one_blas_thread

def counts():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

before = counts()
first, second = one_blas_thread(), one_blas_thread()
first.__enter__()
second.__enter__()
first.__exit__(None, None, None)
assert counts() == {1}, counts()
second.__exit__(None, None, None)
assert counts() == before
try:
    with one_blas_thread():
        raise KeyError
except KeyError:
    pass
assert counts() == before
"""


def test_linear_algebra_has_one_thread_until_the_last_block_ends() -> None:
    # In a process of its own: others in this one may limit it, too.
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
