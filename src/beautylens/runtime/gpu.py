"""Whether networks run on a GPU."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_DRIVER = Path("/proc/driver/nvidia/version")


@cache
def has_gpu() -> bool:
    """Return whether this machine has an NVIDIA GPU and the CUDA build of ONNX Runtime."""
    try:
        version("onnxruntime-gpu")
    except PackageNotFoundError:
        return False
    return _DRIVER.exists()
