"""Loading modules without looking for garbage between them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quick_imports() -> Iterator[None]:
    """Have what is imported here load without looks for cycles among objects.

    A thousand modules make many objects, and nearly all stay: looking through them over and over is
    a tenth of a short command's time.
    """
    looked = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked:
            gc.enable()
