"""Starting a server: what must hold, worker processes, and the line that says where it is."""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from beautylens.collection import open_collection
from beautylens.errors import ServeError
from beautylens.files.paths import as_path
from beautylens.serve.app import GIVEN
from beautylens.serve.connection import Connection
from beautylens.serve.ending import FINISH_SECONDS
from beautylens.serve.log import LOGGING
from beautylens.serve.metrics import SHARED
from beautylens.serve.middleware.limits import HEAD_BYTES
from beautylens.serve.pictures import PictureStore
from beautylens.serve.settings import ServeSettings
from beautylens.store.gallery import Gallery

_LOG = logging.getLogger("beautylens.serve")
SHORTEST_KEY = 16
# All addresses of the machine, and one of them.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (to be asked, not bound)


def serve(settings: ServeSettings, port: int, workers: int, started: Callable[[str], None]) -> None:
    """Serve a collection until the process is told to stop; then finish what was taken.

    Args:
        settings: what to serve, and to whom.
        port: 0 takes a free one.
        workers: processes.
        started: called with the address once it answers.

    Raises:
        ServeError: when the address is taken, or may not be served without a key.
        CollectionError: when there is no collection, or its encoder has changed.
    """
    _refuse_unguarded(settings)
    opened = open_collection(settings.collection, settings.vectors)
    opened.ready()
    _ = opened.encoder
    if settings.key:
        _sweep(settings, opened.gallery)
    listening = _listen(settings.host, port)
    with tempfile.TemporaryDirectory(prefix="beautylens-") as figures:
        os.environ[GIVEN] = settings.model_dump_json()
        os.environ.pop(SHARED, None)
        if workers > 1:
            os.environ[SHARED] = figures
        config = uvicorn.Config(
            "beautylens.serve.app:from_environment",
            factory=True,
            workers=workers,
            http=Connection,
            ws="none",
            log_config=dict(LOGGING),
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            # A worker that computes hard may not answer its parent at once.
            timeout_worker_healthcheck=60,
            timeout_graceful_shutdown=round(settings.seconds + FINISH_SECONDS),
        )
        address = _address(listening)
        told = threading.Thread(target=_tell, args=(listening, address, started), daemon=True)
        told.start()
        # uvicorn gives back the signal that it stopped at: here to end well, files removed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            if workers > 1:
                Multiprocess(config, sockets=[listening]).run()
            else:
                uvicorn.Server(config).run(sockets=[listening])


def read_key(file: Path | None) -> str:
    """Return the write key of a file, or that of the environment variable BEAUTYLENS_KEY, or none.

    Raises:
        ServeError: when the file cannot be read, or others may read or change it, or the key is too
            short to be one.
    """
    try:
        if file:
            _refuse_shared(file)
        key = (file.read_text("utf-8") if file else os.environ.get("BEAUTYLENS_KEY", "")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServeError(f"{file} cannot be read; name a file that holds the write key") from error
    if (file or key) and len(key) < SHORTEST_KEY:
        raise ServeError(
            f"the write key has {len(key)} letters where {SHORTEST_KEY} are the least; make one "
            "with `openssl rand -hex 24`"
        )
    if not key.isascii() or any(letter.isspace() for letter in key):
        raise ServeError("the write key has letters that no header can carry; use a-z and 0-9")
    return key


def _refuse_shared(file: Path) -> None:
    """Refuse a key file that others than its owner and their group may read or change."""
    if sys.platform == "win32":
        # Its modes do not say who may read a file: the folder's permissions do.
        return
    mode = file.stat().st_mode
    # Not a pipe, which a shell opens for `--key-file <(...)`.
    if stat.S_ISREG(mode) and mode & (stat.S_IWGRP | stat.S_IRWXO):
        raise ServeError(
            f"{file} holds the write key, and others may read or change it (mode "
            f"{stat.S_IMODE(mode):04o}); run `chmod 600 {file}`, or mount it with the mode 0400"
        )


def _refuse_unguarded(settings: ServeSettings) -> None:
    if not settings.on_loopback and not settings.key:
        raise ServeError(
            f"{settings.host} can be reached by others, so a write key is needed: put one into the "
            "environment variable BEAUTYLENS_KEY or name its file with --key-file, or keep to "
            "127.0.0.1"
        )


def _sweep(settings: ServeSettings, gallery: Gallery) -> None:
    swept = PictureStore(as_path(settings.collection)).sweep(gallery)
    if swept:
        _LOG.warning("%d pictures that no product shows were removed", swept)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        if sys.platform == "win32":
            # Any program could listen on the same port beside this one otherwise.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # A server that is started again need not wait for connections of its predecessor.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except (OSError, OverflowError) as error:
        raise ServeError(
            f"{host}:{port} cannot be listened on ({error}); choose another --port or --host"
        ) from error
    listening.set_inheritable(True)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    everywhere = host in EVERYWHERE
    host = EVERYWHERE.get(host, host)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"{address} and this machine's other addresses" if everywhere else address


def _tell(listening: socket.socket, address: str, started: Callable[[str], None]) -> None:
    """Say where the server is once it answers."""
    host, port = listening.getsockname()[:2]
    while True:
        connection = http.client.HTTPConnection(EVERYWHERE.get(host, host), port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            started(address)
            return
        finally:
            connection.close()
