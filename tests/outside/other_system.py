"""Hides from Python processes what only Linux, or only Unix, has.

Not `resource`, for which the code asks by the name of the system: see `tests/serve`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Run by each Python process when it starts, as a `sitecustomize` module.
HIDING = """
import os, signal, subprocess

for name in ("fork", "memfd_create", "pread", "preadv", "pwrite", "pwritev", "register_at_fork",
             "sched_getaffinity"):
    delattr(os, name)
for name in ("SIGALRM", "alarm", "setitimer"):
    delattr(signal, name)


class Popen(subprocess.Popen):
    def __init__(self, *arguments, pass_fds=(), preexec_fn=None, **options):
        if pass_fds or preexec_fn:
            raise ValueError("pass_fds and preexec_fn are not supported on Windows")
        super().__init__(*arguments, **options)


subprocess.Popen = Popen
"""


def hide(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have processes that are started from now on, and those that they start, miss all of it."""
    (folder / "sitecustomize.py").write_text(HIDING, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
