"""Imports without looks for garbage: they are taken up again as they were."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from beautylens.runtime.startup import plain_yaml, quick_imports


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


def test_yaml_is_plain_inside_and_omegaconf_is_as_before_after(tmp_path: Path) -> None:
    load, file = OmegaConf.load, tmp_path / "a.yaml"
    file.write_text("a: {b: 1}")
    with plain_yaml():
        assert type(OmegaConf.load(file)) is dict
    with pytest.raises(ImportError), plain_yaml():
        raise ImportError
    assert OmegaConf.load is load
