"""nginx in front of servers of ours, by the configuration that we ship."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.outside.process import until

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def balanced(ports: Sequence[int], folder: Path) -> Iterator[str]:
    """Have nginx in front of servers at these ports; give its address."""
    text = CONFIGURATION.read_text("utf-8")
    own = free_port()
    for shown, port in zip((8001, 8002), ports, strict=True):
        text = text.replace(f"127.0.0.1:{shown} ", f"127.0.0.1:{port} ")
    text = text.replace("listen 8000;", f"listen 127.0.0.1:{own};")
    kept = [f"{name}_temp_path {folder / name};" for name in
            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]  # fmt: skip
    text = re.sub("http {", " ".join(["http {", "access_log off;", *kept]), text, count=1)
    (folder / "nginx.conf").write_text(text, "utf-8")
    # Started by root it would work as somebody who may not write here.
    alike = "user root; " if os.getuid() == 0 else ""
    process = subprocess.Popen(
        [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"),
         "-g", f"{alike}daemon off; pid {folder}/pid; error_log {folder}/errors;"],
    )  # fmt: skip
    try:
        until(lambda: answers(own))
        yield f"http://127.0.0.1:{own}"
    finally:
        process.terminate()
        process.wait()


def answers(port: int) -> bool:
    """Tell whether something listens at a port."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0
