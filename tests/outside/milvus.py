"""A Milvus server on this machine, Milvus Lite's, in a process of its own; galleries for it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from beautylens.features.encoder.pooling import unit_rows
from beautylens.store.columns import vectors
from beautylens.store.gallery import Gallery
from beautylens.store.milvus.sync import Difference, sync
from beautylens.store.milvus.vector_index import open_with_milvus
from tests.outside.process import until

MilvusClient = pytest.importorskip("pymilvus", reason="needs the extra scale").MilvusClient
BRANDS = ("L'Oréal", 'a"b', "back\\slash", "100 %", "Kumo", "")


@contextmanager
def milvus(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Have a server until the block ends; give its address, without a name, and its process."""
    port = port or free_port()
    command = Path(sys.executable).with_name("milvus-lite")
    process = subprocess.Popen(
        [command, "server", "--data-dir", folder, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: _answers(port))
        yield f"milvus+http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])


def client(address: str) -> MilvusClient:
    """The client of Milvus's own, for what others may do there."""
    return MilvusClient(address.removeprefix("milvus+").rpartition("/")[0])


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def synced(folder: str | Path, address: str, *, write: bool = True) -> Difference:
    return sync(open_with_milvus(folder, address).vectors, lambda *_: None, write=write)


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "beautylens", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, **environment},
    )  # fmt: skip


def made(folder: Path, count: int, dimensions: int = 32, seed: int = 0) -> Gallery:
    """A gallery of random vectors whose brands and shades go through all that is hard to write."""
    encoder = {"name": "e", "fingerprint": f"e{seed}"}
    gallery = Gallery.create(
        folder, dimensions=dimensions, settings={"encoder": encoder}, extra=["shade"]
    )
    gallery.upsert(rows(range(count), dimensions, seed))
    return gallery


def rows(numbers: range, dimensions: int = 32, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    all_of_them = unit_rows(rng.standard_normal((numbers.stop, dimensions), np.float32))
    ids = [f"p{number:05}" for number in numbers]
    return pa.table({
        "image_id": [f"{each}/a" for each in ids],
        "product_id": ids,
        "brand": [BRANDS[number % len(BRANDS)] for number in numbers],
        "name": [f"Crème {number}" for number in numbers],
        "shade": [f"{number % 7:03}" for number in numbers],
        "descriptor": vectors(all_of_them[numbers.start :]),
    })  # fmt: skip


def queries(gallery: Gallery, count: int) -> np.ndarray:
    rng = np.random.default_rng(99)
    return unit_rows(rng.standard_normal((count, gallery.rows.dimensions), np.float32))
