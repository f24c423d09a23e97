"""Network that runs an ONNX graph on an NVIDIA GPU with ONNX Runtime's CUDA build."""

from __future__ import annotations

from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.openvino import Network
from beautylens.features.encoder.precision import Precision
from beautylens.runtime.native import ONNX_RUNTIME

PROVIDERS: tuple[Any, ...] = (
    # Without TF32: descriptors are compared with those computed on CPUs.
    ("CUDAExecutionProvider", {"use_tf32": 0}),
    "CPUExecutionProvider",
)


class CudaNetwork(Network):
    """Network on a GPU, shared by all threads of a process.

    Pictures are normalised here, outside the graph. ONNX Runtime uses the first of `providers` that
    is available.
    """

    providers = PROVIDERS

    @property
    def precision(self) -> Precision:
        """Always single precision."""
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
        normalised = ((pictures - mean) / std).transpose(0, 3, 1, 2)
        inputs = {name: np.ascontiguousarray(normalised, np.float32)}
        outputs = _run(self._compiled, inputs)
        return tuple(np.asarray(each, np.float32) for each in outputs)

    def __call__(self, pictures: UInt8) -> Float32:
        """Return the feature maps (N, C, h, w) of pictures (N, side, side, 3)."""
        return self.outputs(pictures)[0]

    def _compile(self) -> Any:
        import onnxruntime

        try:
            return onnxruntime.InferenceSession(str(self.graph), providers=list(self.providers))
        except Exception as error:  # its errors have no common base class
            raise EncoderError(
                f"{self.graph}: ONNX Runtime cannot read this ONNX graph; export it again"
            ) from error


@ONNX_RUNTIME.serialise_first_call
def _run(session: Any, inputs: dict[str, Any]) -> Any:
    return session.run(None, inputs)
