"""Running a network's ONNX graph on an NVIDIA GPU, by ONNX Runtime's CUDA build."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.openvino import Network, Precision
from beautylens.native import ONNX_RUNTIME

_DRIVER = Path("/proc/driver/nvidia/version")
PROVIDERS: tuple[Any, ...] = (
    # In full: descriptors are compared with those that processors make.
    ("CUDAExecutionProvider", {"use_tf32": 0}),
    "CPUExecutionProvider",
)


@cache
def has_gpu() -> bool:
    """Tell whether this machine has an NVIDIA GPU and the build of ONNX Runtime that uses it."""
    try:
        version("onnxruntime-gpu")
    except PackageNotFoundError:
        return False
    return _DRIVER.exists()


class CudaNetwork(Network):
    """The same network on a GPU, which serves all threads of a process.

    Pictures are normalised here: the graph takes them as numbers about 0. Which provider of ONNX
    Runtime computes is its own choice among `providers`, in order.
    """

    providers = PROVIDERS

    @property
    def precision(self) -> Precision:
        """Single precision, whatever was asked for."""
        return "f32"

    @property
    def threads(self) -> int | None:
        """None: the GPU computes."""
        return None

    def shared_by(self, callers: int) -> Network:
        """Return itself."""
        return self

    def outputs(self, pictures: UInt8) -> tuple[Float32, ...]:
        """Return all outputs: the feature maps first, then the class token (N, C) if it has one."""
        name = self._compiled.get_inputs()[0].name
        mean, std = (np.array(each, np.float32) for each in (self.mean, self.std))
        numbers = ((pictures - mean) / std).transpose(0, 3, 1, 2)
        given = {name: np.ascontiguousarray(numbers, np.float32)}
        found = _run(self._compiled, given)
        return tuple(np.asarray(each, np.float32) for each in found)

    def __call__(self, pictures: UInt8) -> Float32:
        """Return the feature maps (N, C, h, w) of pictures (N, side, side, 3)."""
        return self.outputs(pictures)[0]

    def _compile(self) -> Any:
        import onnxruntime

        try:
            return onnxruntime.InferenceSession(str(self.graph), providers=list(self.providers))
        except Exception as error:  # its errors share no other class
            raise EncoderError(
                f"{self.graph}: not an ONNX graph that ONNX Runtime can read; export it again"
            ) from error


@ONNX_RUNTIME.first_call_alone
def _run(session: Any, given: dict[str, Any]) -> Any:
    return session.run(None, given)
