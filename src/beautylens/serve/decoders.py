"""Decoding of untrusted pictures in separate processes, which can be killed at any time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from io import BufferedReader, BufferedWriter
from queue import Empty, LifoQueue
from typing import cast

import numpy as np

from beautylens.errors import ImageError, ServeError
from beautylens.images.budget import Budget
from beautylens.images.decode import DEFAULT_OPTIONS, Decoded, DecodeOptions, decode_scaled
from beautylens.images.files import check_bytes
from beautylens.images.sources import Picture
from beautylens.serve.problems import HTTPProblem
from beautylens.serve.wire import Message, receive, send

# Seconds that a picture may take to be decoded: the largest accepted ones need two or three.
SECONDS = 10.0
# Additional seconds to wait for a process, or for memory, in use by other pictures.
_GRACE = 5.0
# Seconds that a process may take to start.
_START_SECONDS = 60.0
# Buffer of a pipe, on systems where it can be set: larger means fewer context switches.
_PIPE_BYTES = 1 << 20
# Return code after SIGKILL, which Linux sends when memory runs out.
_KILLED = -9
# The whole environment of a decoder: no key, no credentials. Windows needs SYSTEMROOT.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
# Decoding needs no threads for linear algebra. The allocator keeps freed blocks of up to 16 MiB,
# and 64 MiB in all, for the next picture, because page faults cost as much as decoding.
_TUNED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
}


class Decoders:
    """A pool of decoder processes with a common memory budget.

    A process is started when it is first needed, and again after it was killed.

    Args:
        processes: the maximum number of them.
        memory: bytes that all running decodes may use together.
        seconds: timeout of a decode.
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
        """Start all processes, so that no picture has to wait for it."""
        for decoder in [self._take() for _ in range(self._processes)]:
            self._idle.put(decoder)

    def decode(self, source: Picture, options: DecodeOptions = DEFAULT_OPTIONS) -> Decoded:
        """Return what `decode_scaled` does; a file's bytes are decoded in another process.

        Raises:
            ImageError: as `decode_scaled` does, and when the picture takes too long or too much
                memory.
            HTTPProblem: 503 when memory or processes are in use by other pictures for too long.
            ServeError: when a process cannot start.
        """
        if not isinstance(source, bytes):
            return decode_scaled(source, options)
        check_bytes(len(source), options.name, options.limits)
        decoder = self._take()
        try:
            decoded = decoder.decode(source, options, self._memory, self._seconds)
        except EOFError:
            self._end(decoder)
            raise decoder.fault(options.name, self._seconds) from None
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
        """Kill a process in an unknown state; the next picture gets a new one."""
        self._forget(decoder)
        self._idle.put(None)

    def _forget(self, decoder: _Decoder) -> None:
        decoder.stop()
        decoder.close()
        with self._guard:
            self._running.discard(decoder)

    @property
    def pids(self) -> list[int]:
        """Ids of the running processes."""
        with self._guard:
            return [decoder.process.pid for decoder in self._running]

    def close(self) -> None:
        """Kill all processes, busy ones included; requests that wait for one fail."""
        with self._guard:
            self._is_closed = True
            _stop_all(self._running)
        while not self._idle.empty():
            if (decoder := self._idle.get()) is not None:
                decoder.close()


class _Decoder:
    """One process, with a pipe for files and a pipe for pixels."""

    def __init__(self) -> None:
        kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        modules = os.pathsep.join(path for path in sys.path if path)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "beautylens.serve.decoder"],
            env={**kept, **_TUNED, "PYTHONPATH": modules},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pipesize=_PIPE_BYTES,
            process_group=0,
        )
        self._requests = cast("BufferedWriter", self.process.stdin)
        self._answers = cast("BufferedReader", self.process.stdout)
        self._has_started, self._is_late = False, False

    def decode(
        self, source: bytes, options: DecodeOptions, memory: Budget, seconds: float
    ) -> Decoded:
        """Return the picture.

        Raises:
            ImageError: when it cannot be decoded.
            EOFError: when the process ended, or sent an invalid message.
            HTTPProblem: 503 when there is no memory for it.
            ServeError: when the process cannot start.
        """
        if not self._has_started:
            self._wait_for_start()
        try:
            with self._within(seconds):
                send(self._requests, {**asdict(options), "size": len(source)}, source)
                answer = receive(self._answers)
            if "needs" not in answer:
                return self._decoded(answer, options)
            with _reserved(memory, int(answer["needs"]), seconds), self._within(seconds):
                send(self._requests, {})
                return self._decoded(receive(self._answers), options)
        except (OSError, TypeError, ValueError, KeyError) as error:
            raise EOFError from error

    def _wait_for_start(self) -> None:
        try:
            with self._within(_START_SECONDS):
                receive(self._answers)
        except EOFError:
            raise ServeError(
                "the process that decodes pictures does not start; run "
                f"`{sys.executable} -m beautylens.serve.decoder` to see why"
            ) from None
        self._has_started = True

    @contextmanager
    def _within(self, seconds: float) -> Iterator[None]:
        """Kill the process, and raise EOFError, when the block takes longer."""
        alarm = threading.Timer(seconds, self._give_up)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        finally:
            alarm.cancel()
            alarm.join()
            if self._is_late:
                raise EOFError

    def _give_up(self) -> None:
        self._is_late = True
        self.process.kill()

    def _decoded(self, answer: Message, options: DecodeOptions) -> Decoded:
        if "error" in answer:
            raise ImageError(str(answer["error"]))
        height, width = (int(length) for length in answer["shape"][:2])
        if min(height, width) < 1 or height * width > options.limits.max_pixels:
            raise EOFError
        pixels = np.empty((height, width, 3), np.uint8)
        if self._answers.readinto(pixels.data.cast("B")) < pixels.size:
            raise EOFError
        return Decoded(pixels, float(answer["scale"]))

    def fault(self, name: str, seconds: float) -> ImageError:
        """Return the error of a picture whose process has ended."""
        if self._is_late or self.process.returncode == _KILLED:
            return ImageError(
                f"{name} takes longer than {seconds:g} seconds or too much memory to decode; "
                "save it again as JPEG or PNG"
            )
        return ImageError(f"{name} cannot be decoded; it is damaged; save it again as JPEG or PNG")

    def stop(self) -> None:
        """Kill the process."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """Close the pipes; not while another thread uses them."""
        for pipe in (self._requests, self._answers):
            # Flushing to a process that has ended fails.
            with suppress(OSError):
                pipe.close()


@contextmanager
def _reserved(memory: Budget, size: int, seconds: float) -> Iterator[None]:
    """Reserve memory for a picture.

    Raises:
        HTTPProblem: 503 when it is in use by other pictures for too long.
    """
    with ExitStack() as held:
        try:
            held.enter_context(memory.holding(size, seconds + _GRACE))
        except TimeoutError:
            raise _busy() from None
        yield


def _stop_all(decoders: set[_Decoder]) -> None:
    while decoders:
        decoders.pop().stop()


def _busy() -> HTTPProblem:
    return HTTPProblem(
        503,
        "busy",
        "the server is busy decoding other pictures; try again in a few seconds",
        {"Retry-After": "5"},
    )
