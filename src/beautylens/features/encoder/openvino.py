"""Network that runs an ONNX graph with OpenVINO: pictures in, feature maps out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.precision import Precision, chosen_precision
from beautylens.runtime.native import OPENVINO, Once
from beautylens.runtime.openvino import import_openvino

HEADER_KEY = "beautylens"
# Metadata key of a portable file with the fingerprint of its encoder.
PORTABLE_KEY = f"{HEADER_KEY}-portable"


class Network:
    """A network of an ONNX file, compiled on first use.

    Args:
        graph: an ONNX file whose input is (N, 3, H, W) and whose first output is (N, C, h, w).
        mean: of each channel on the 0..255 scale, RGB; subtracted.
        std: of each channel; divided by.
        side: input side in pixels.
        precision: `f32` or `bf16` to compute in; by default `chosen_precision`.
        callers: threads that run it at the same time, on one core each; 1 uses all cores.

    Raises:
        EncoderError: when OpenVINO cannot read the file.
    """

    def __init__(
        self,
        graph: Path,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        side: int,
        *,
        precision: Precision | None = None,
        callers: int = 1,
    ) -> None:
        self.graph = graph
        self.mean = mean
        self.std = std
        self.side = side
        self._precision = precision
        self.callers = callers
        self._shared: dict[int, Network] = {}
        self._once: Once[Any] = Once()

    @property
    def precision(self) -> Precision:
        """The precision that the network computes in."""
        return self._precision or chosen_precision()

    def shared_by(self, callers: int) -> Network:
        """Return the same network for `callers` threads at the same time; it is cached."""
        if callers == self.callers:
            return self
        if callers not in self._shared:
            shared = Network(
                self.graph,
                self.mean,
                self.std,
                self.side,
                precision=self._precision,
                callers=callers,
            )
            # Compiled here, once: otherwise each caller would compile it on first use.
            _ = shared._compiled
            self._shared[callers] = shared
        return self._shared[callers]

    def __call__(self, pictures: UInt8) -> Float32:
        """Return the feature maps of pictures.

        Args:
            pictures: (N, side, side, 3) uint8 RGB.

        Returns:
            (N, C, h, w) float32.
        """
        return _infer(self._compiled, pictures, 1)[0]

    def outputs(self, pictures: UInt8) -> tuple[Float32, ...]:
        """Return all outputs: the feature maps first, then the class token (N, C) if it has one."""
        compiled = self._compiled
        return _infer(compiled, pictures, len(compiled.outputs))

    @property
    def threads(self) -> int | None:
        """Threads that compute for each thread that calls; None where it is no processor."""
        return threads_of(self._compiled) // self.callers

    @property
    def _compiled(self) -> Any:
        return self._once(self._compile)

    def _compile(self) -> Any:
        ov = import_openvino()
        model = read_graph(self.graph)
        steps = ov.preprocess.PrePostProcessor(model)
        image = steps.input(0)
        image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        image.model().set_layout(ov.Layout("NCHW"))
        image.preprocess().convert_element_type(ov.Type.f32)
        image.preprocess().mean(list(self.mean)).scale(list(self.std))
        model = steps.build()
        config: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY"}
        if self.callers > 1:
            # One picture on one core costs less than its share of a batch on all cores.
            config = {"NUM_STREAMS": self.callers, "INFERENCE_NUM_THREADS": self.callers}
        config["INFERENCE_PRECISION_HINT"] = self.precision
        try:
            model.reshape({0: [-1, self.side, self.side, 3]})
        except RuntimeError as error:
            raise EncoderError(
                f"{self.graph}: this network takes no batches of {self.side} x {self.side} pixels; "
                "use its own side, or export it again"
            ) from error
        return ov.Core().compile_model(model, "CPU", config)


@OPENVINO.serialise_first_call
def _infer(compiled: Any, pictures: UInt8, outputs: int) -> tuple[Float32, ...]:
    """Return the first `outputs` outputs of a compiled network."""
    request = compiled.create_infer_request()
    request.infer({0: pictures}, share_inputs=True)
    return tuple(
        np.asarray(request.get_output_tensor(index).data, dtype=np.float32)
        for index in range(outputs)
    )


def compile_graph(graph: Path) -> Any:
    """Return an ONNX graph compiled for the CPU in single precision, inputs and outputs unchanged.

    Keypoint descriptors differ by little, and a small network gains nothing from bfloat16.

    Raises:
        EncoderError: when OpenVINO cannot read the file.
    """
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    return import_openvino().Core().compile_model(read_graph(graph), "CPU", settings)


def threads_of(compiled: Any) -> int:
    """Return how many threads a compiled graph computes on."""
    return int(compiled.get_property("INFERENCE_NUM_THREADS"))


def read_header(graph: Path) -> dict[str, Any] | None:
    """Return the JSON header in the ONNX metadata of an encoder file; None without one.

    Raises:
        EncoderError: when the file is not an ONNX graph, or its header not JSON.
    """
    text = _metadata(graph, HEADER_KEY)
    if text is None:
        return None
    try:
        header = json.loads(text)
    except json.JSONDecodeError as error:
        raise EncoderError(f"{graph}: the header is not JSON ({error}); export it again") from error
    return dict(header)


def portable_of(graph: Path) -> str | None:
    """Return the fingerprint of the encoder that a portable file was made from; None for others.

    Raises:
        EncoderError: when the file is not an ONNX graph.
    """
    return _metadata(graph, PORTABLE_KEY)


def _metadata(graph: Path, key: str) -> str | None:
    model = read_graph(graph)
    try:
        return str(model.get_rt_info(["framework", key]).astype(str))
    except RuntimeError:
        return None


@OPENVINO.serialise_first_call
def read_graph(graph: Path) -> Any:
    """Return a file's graph as an OpenVINO model.

    Raises:
        EncoderError: when the file does not exist, or OpenVINO cannot read it.
    """
    if not graph.is_file():
        raise EncoderError(f"{graph}: no such encoder file")
    try:
        return import_openvino().Core().read_model(str(graph))
    except RuntimeError as error:
        raise EncoderError(
            f"{graph}: OpenVINO cannot read this ONNX graph; export it again"
        ) from error
