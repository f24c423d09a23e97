"""Suppression of the messages that image libraries print about damaged files."""

from __future__ import annotations

import ctypes
import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from PIL import _imaging

from beautylens.runtime.native import Lock


class _Shared:
    """A process-wide state that is on while any thread is inside `hold`.

    The first block to begin switches it on, the last one to end switches it off. Threads inside do
    not wait for each other.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._inside = 0
        self._switched = ExitStack()

    @contextmanager
    def hold(self) -> Iterator[None]:
        with self._guard():
            if not self._inside:
                self._switched.enter_context(_silence())
            self._inside += 1
        try:
            yield
        finally:
            with self._guard():
                self._inside -= 1
                if not self._inside:
                    self._switched.close()


@contextmanager
def _silence() -> Iterator[None]:
    with warnings.catch_warnings(), _no_log_lines(), _no_libtiff_messages():
        warnings.filterwarnings("ignore", module="PIL")
        yield


_shared = _Shared()


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings and log messages, and libtiff's messages, inside the block.

    All three are process-wide. Warnings of other modules are not affected.
    """
    with _shared.hold():
        yield


@contextmanager
def _no_log_lines() -> Iterator[None]:
    """Suppress the log of the one Pillow module whose errors Python prints by default."""
    log = logging.getLogger("PIL.TiffImagePlugin")
    log.addFilter(_refuse)
    try:
        yield
    finally:
        log.removeFilter(_refuse)


def _refuse(_: logging.LogRecord) -> bool:
    return False


@contextmanager
def _no_libtiff_messages() -> Iterator[None]:
    """Remove libtiff's error handler, which writes to stderr directly.

    If Pillow was linked such that the function is hidden, the messages stay.
    """
    if _set_error_handler is None:
        yield
        return
    handler = _set_error_handler(None)
    try:
        yield
    finally:
        _set_error_handler(handler)


def _find_error_handler() -> ctypes._NamedFuncPointer | None:
    try:
        function = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = [ctypes.c_void_p]
    function.restype = ctypes.c_void_p
    return function


_set_error_handler = _find_error_handler()
