"""Starting a server: checks, worker processes, and its address."""

from __future__ import annotations

import http.client
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from uvicorn.supervisors import Multiprocess

import beautylens as bl
from beautylens.errors import ServeError
from beautylens.files.paths import as_path
from beautylens.serve.app import GIVEN
from beautylens.serve.connection import Connection
from beautylens.serve.ending import FINISH_SECONDS
from beautylens.serve.log import logging_of
from beautylens.serve.metrics import SHARED
from beautylens.serve.middleware.limits import HEAD_BYTES
from beautylens.serve.pictures import PictureStore
from beautylens.serve.settings import ServeSettings
from beautylens.store.gallery import Gallery

_LOG = logging.getLogger("beautylens.serve")
# Wildcard addresses, and the loopback address of each.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (to be asked, not bound)


def serve(settings: ServeSettings, port: int, workers: int, started: Callable[[str], None]) -> None:
    """Serve a collection until SIGTERM or Ctrl-C; then finish accepted requests.

    Args:
        settings: settings of the server.
        port: 0 picks a free one.
        workers: number of processes.
        started: called with the address once the server responds.

    Raises:
        ServeError: when the address is in use, or needs a write key.
        CollectionError: when there is no collection, or its encoder has changed.
    """
    _require_key(settings)
    _prepare(settings)
    for name in settings.further:
        _prepare(settings.of_further(name))
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
            log_config=logging_of(settings.log),
            log_level=logging.WARNING,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEAD_BYTES,
            # A busy worker may not respond to its parent at once.
            timeout_worker_healthcheck=60,
            timeout_graceful_shutdown=round(settings.seconds + FINISH_SECONDS),
        )
        address = _address(listening)
        announcing = threading.Thread(
            target=_announce, args=(listening, address, started), daemon=True
        )
        announcing.start()
        # uvicorn raises the signal again after it has stopped; temporary files must be removed.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):
            if workers > 1:
                Multiprocess(config, sockets=[listening]).run()
            else:
                uvicorn.Server(config).run(sockets=[listening])


def _prepare(settings: ServeSettings) -> None:
    """Check a collection, and bring its files up to date."""
    collection = bl.open(settings.collection, settings.vectors)
    collection.ready()
    _ = collection.encoder
    # Where many rows are missing from the snapshot, searches read Lance until it is written.
    threading.Thread(target=collection.gallery.write_snapshot, daemon=True).start()
    if settings.key:
        _sweep(settings, collection.gallery)


def _require_key(settings: ServeSettings) -> None:
    if not settings.on_loopback and not settings.key:
        raise ServeError(
            f"{settings.host} is reachable from other machines, which requires a write key; set "
            "BEAUTYLENS_KEY, give its file with --key-file, or listen on 127.0.0.1"
        )


def _sweep(settings: ServeSettings, gallery: Gallery) -> None:
    swept = PictureStore(as_path(settings.collection)).sweep(gallery)
    if swept:
        _LOG.warning("removed %d uploaded pictures that no product refers to", swept)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        if sys.platform == "win32":
            # Otherwise other programs could listen on the same port, too.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # A restarted server need not wait for closed connections of the previous one.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except (OSError, OverflowError) as error:
        raise ServeError(
            f"cannot listen on {host}:{port} ({error}); choose another --port or --host"
        ) from error
    listening.set_inheritable(True)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    everywhere = host in EVERYWHERE
    host = EVERYWHERE.get(host, host)
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return f"{address} and the other addresses of this machine" if everywhere else address


def _announce(listening: socket.socket, address: str, started: Callable[[str], None]) -> None:
    """Call `started` once the server responds."""
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
