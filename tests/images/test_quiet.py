"""Silence is shared: no thread waits for another's work to be silent too."""

from __future__ import annotations

import threading
import warnings

from beautylens.images.quiet import quiet


def warn_as_pillow() -> None:
    warnings.warn_explicit("odd file", UserWarning, "PIL/x.py", 1, module="PIL.x")


def test_two_threads_are_silent_at_once() -> None:
    both = threading.Barrier(2, timeout=30)

    def silent() -> None:
        with quiet():
            both.wait()  # neither would come here while the other kept it out

    other = threading.Thread(target=silent)
    other.start()
    silent()
    other.join(30)
    assert not other.is_alive()


def test_warnings_come_back_after_the_last_one() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet():
            with quiet():
                warn_as_pillow()
            warn_as_pillow()
        assert not seen
        warn_as_pillow()
    assert len(seen) == 1
