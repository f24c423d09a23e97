"""Imports without looks for garbage: they are taken up again as they were."""

from __future__ import annotations

import gc

import pytest

from beautylens.runtime.startup import quick_imports


def test_looks_for_garbage_stop_and_are_taken_up_again() -> None:
    assert gc.isenabled()
    with quick_imports(), quick_imports():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), quick_imports():
        raise ImportError
    assert gc.isenabled()


def test_where_they_are_off_they_stay_off() -> None:
    gc.disable()
    try:
        with quick_imports():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
