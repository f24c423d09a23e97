"""Decoding of strangers' pictures in processes of their own, which can be ended at any time."""

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
# Seconds beyond these to wait for a process, or for memory, that other pictures have.
_GRACE = 5.0
# Seconds that a process may take to start.
_START_SECONDS = 60.0
# What the buffer of a pipe holds, where the system lets it be chosen: fewer switches of process.
_PIPE_BYTES = 1 << 20
# The return code of a process that the system ended, as Linux does where memory runs out.
_KILLED = -9
# All that a decoder's environment has: no key, no credentials of a store. Windows needs its root.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
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

    def decode(self, source: Picture, options: DecodeOptions = DEFAULT_OPTIONS) -> Decoded:
        """Return what `decode_scaled` does; a file's bytes are decoded in another process.

        Raises:
            ImageError: as `decode_scaled` does, and when the picture takes too long or too much
                memory.
            HTTPProblem: 503 when other pictures hold the memory or the processes for too long.
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
    """One process, and the pipes by which bytes go to it and pixels come back."""

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
            ImageError: when the process says that it cannot be decoded.
            EOFError: when the process ended or sent something else.
            HTTPProblem: when there is no memory for it.
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
            with _lent(memory, int(answer["needs"]), seconds), self._within(seconds):
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
        """End the process when the block takes longer, which then raises EOFError."""
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
        """Return why a process has ended, as far as its picture goes."""
        if self._is_late or self.process.returncode == _KILLED:
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
        """Close the pipes; only the thread that uses them may, or any where none does."""
        for pipe in (self._requests, self._answers):
            # What was not sent any more is sent to nobody.
            with suppress(OSError):
                pipe.close()


@contextmanager
def _lent(memory: Budget, size: int, seconds: float) -> Iterator[None]:
    """Hold memory for a picture.

    Raises:
        HTTPProblem: 503 when other pictures hold it for too long.
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
        "other pictures take all that there is to decode with; try again in a few seconds",
        {"Retry-After": "5"},
    )
