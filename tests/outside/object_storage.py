"""An S3 server on this machine, and a shop in one of its buckets."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "shop"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# The same for all servers of a process, which opens a bucket once.
PORT = _free_port()


@contextmanager
def object_storage() -> Iterator[str]:
    """Have an S3 server, which the environment names, with one empty bucket; give its address."""
    server = ThreadedMotoServer("127.0.0.1", port=PORT, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    former = dict(os.environ)
    os.environ.update(
        AWS_ACCESS_KEY_ID="tests",
        AWS_SECRET_ACCESS_KEY="tests",  # noqa: S106  (of no real server)
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ENDPOINT_URL=f"http://{host}:{port}",
        AWS_ALLOW_HTTP="true",
    )
    try:
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield f"s3://{BUCKET}"
    finally:
        server.stop()
        os.environ.clear()
        os.environ.update(former)


def upload(folder: Path, below: str) -> str:
    """Put a folder's files into the bucket; return its address."""
    client = boto3.client("s3")
    for file in folder.rglob("*"):
        if file.is_file():
            client.upload_file(str(file), BUCKET, f"{below}/{file.relative_to(folder)}")
    return f"s3://{BUCKET}/{below}"
