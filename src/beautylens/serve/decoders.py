"""Decoding of strangers' pictures in processes of their own, which can be ended at any time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import ExitStack
from dataclasses import asdict
from queue import Empty, LifoQueue

import numpy as np

from beautylens.errors import ImageError
from beautylens.images.budget import Budget
from beautylens.images.decode import Decoded, decode_scaled
from beautylens.images.files import check_bytes
from beautylens.images.limits import DEFAULT_LIMITS, Limits
from beautylens.images.sources import Picture
from beautylens.serve.problems import Refusal
from beautylens.serve.wire import Message, read, receive, send, shared_file, write

SECONDS = 10.0
"""That a picture may take to be decoded: the largest that are taken need two or three."""
_GRACE = 5.0
"""Seconds after which a decoder that has not ended itself is ended."""
_KEPT_BYTES = 32 << 20
"""Of the file that a decoder shares; the memory of larger ones is given back."""
# All that a decoder's environment has: no key, no credentials of a store.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
# One thread for linear algebra, which decoding has none of; and memory that is kept from picture to
# picture, for new pages cost as much as decoding: blocks of up to 16 MiB, 64 MiB in all.
_TUNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class Decoders:
    """As many processes as pictures may be decoded at once, and the memory that they share.

    A process is started when it is first needed, and again after a picture ended it.

    Args:
        processes: at most.
        memory: bytes that all decodes under way may take together.
        seconds: that one may take.
    """

    def __init__(self, processes: int, memory: int, seconds: float = SECONDS) -> None:
        self._memory, self._seconds = Budget(memory), seconds
        self._idle: LifoQueue[_Decoder | None] = LifoQueue()
        self._running: set[_Decoder] = set()
        self._guard = threading.Lock()
        self._processes, self._is_closed = processes, False
        for _ in range(processes):
            self._idle.put(None)
        self._finalizer = weakref.finalize(self, _stop_all, self._running)

    def start(self) -> None:
        """Start all processes, so that no picture waits for one."""
        for decoder in [self._take() for _ in range(self._processes)]:
            self._idle.put(decoder)

    def decode(
        self,
        source: Picture,
        *,
        name: str = "picture",
        limits: Limits = DEFAULT_LIMITS,
        least_side: int | None = None,
    ) -> Decoded:
        """Return what `decode_scaled` does; a file's bytes are decoded in another process.

        Raises:
            ImageError: as `decode_scaled` does, and when the picture takes too long or too much
                memory.
            Refusal: 503 when other pictures hold the memory or the processes for too long.
        """
        if not isinstance(source, bytes):
            return decode_scaled(source, name=name, limits=limits, least_side=least_side)
        check_bytes(len(source), name, limits)
        request = {
            "name": name,
            "limits": asdict(limits),
            "least_side": least_side,
            "seconds": self._seconds,
        }
        decoder = self._take()
        try:
            decoded = decoder.decode(source, request, self._memory, self._seconds)
        except EOFError:
            self._end(decoder)
            raise decoder.fault(name, self._seconds) from None
        except Refusal:
            self._end(decoder)
            raise
        except ImageError:
            self._idle.put(decoder)
            raise
        except BaseException:
            self._end(decoder)
            raise
        self._idle.put(decoder)
        return decoded

    def _take(self) -> _Decoder:
        try:
            decoder = self._idle.get(timeout=self._seconds + _GRACE)
        except Empty:
            raise _busy() from None
        if self._is_closed:
            raise _busy()
        if decoder is not None and decoder.process.poll() is None:
            return decoder
        if decoder is not None:
            self._forget(decoder)
        try:
            decoder = _Decoder()
        except BaseException:
            self._idle.put(None)
            raise
        with self._guard:
            self._running.add(decoder)
        return decoder

    def _end(self, decoder: _Decoder) -> None:
        """End a process that is in an unknown state; the next picture gets a fresh one."""
        self._forget(decoder)
        self._idle.put(None)

    def _forget(self, decoder: _Decoder) -> None:
        decoder.stop()
        decoder.close()
        with self._guard:
            self._running.discard(decoder)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        with self._guard:
            return [decoder.process.pid for decoder in self._running]

    def close(self) -> None:
        """End all processes, those at work included; whoever waits for one is told so."""
        with self._guard:
            self._is_closed = True
            _stop_all(self._running)
        while not self._idle.empty():
            if (decoder := self._idle.get()) is not None:
                decoder.close()


class _Decoder:
    """One process, and the file through which bytes go to it and pixels come back."""

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._file = shared_file()
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        modules = os.pathsep.join(path for path in sys.path if path)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "beautylens.serve.decoder", str(self._file)],
                env={**kept, **_TUNED, "PYTHONPATH": modules},
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._file,),
                process_group=0,
            )

    def decode(self, source: bytes, request: Message, memory: Budget, seconds: float) -> Decoded:
        """Return the picture.

        Raises:
            ImageError: when the process says that it cannot be decoded.
            EOFError: when the process ended or sent something else.
            Refusal: when there is no memory for it.
        """
        self._connection.settimeout(seconds + _GRACE)
        try:
            write(self._file, memoryview(source))
            send(self._connection, {**request, "size": len(source)})
            with ExitStack() as held:
                answer = receive(self._connection)
                if "needs" in answer:
                    self._lend(held, int(answer["needs"]), memory, seconds)
                    answer = receive(self._connection)
                return self._decoded(answer)
        except (OSError, TypeError, ValueError, KeyError) as error:
            raise EOFError from error

    def _decoded(self, answer: Message) -> Decoded:
        if "error" in answer:
            raise ImageError(str(answer["error"]))
        height, width = (int(length) for length in answer["shape"][:2])
        size = 3 * height * width
        if min(height, width) < 1 or size > os.fstat(self._file).st_size:
            raise EOFError
        pixels = np.empty((height, width, 3), np.uint8)
        read(self._file, pixels.data.cast("B"))
        if size > _KEPT_BYTES:
            os.ftruncate(self._file, 0)
        return Decoded(pixels, float(answer["scale"]))

    def _lend(self, held: ExitStack, size: int, memory: Budget, seconds: float) -> None:
        try:
            held.enter_context(memory.holding(size, seconds + _GRACE))
        except TimeoutError:
            raise _busy() from None
        send(self._connection, {})

    def fault(self, name: str, seconds: float) -> ImageError:
        """Return why a process has ended, as far as its picture goes."""
        if self.process.returncode in (-signal.SIGALRM, -signal.SIGKILL):
            return ImageError(
                f"{name} takes longer than {seconds:g} seconds or too much memory to be decoded; "
                "save it again as JPEG or PNG"
            )
        return ImageError(f"{name} cannot be decoded; it is damaged, so save it again")

    def stop(self) -> None:
        """End the process."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Give back what was shared with the process; only its user may, or nobody uses it."""
        self._connection.close()
        os.close(self._file)


def _stop_all(decoders: set[_Decoder]) -> None:
    while decoders:
        decoders.pop().stop()


def _busy() -> Refusal:
    return Refusal(
        503,
        "busy",
        "other pictures take all that there is to decode with; try again in a few seconds",
        {"Retry-After": "5"},
    )
