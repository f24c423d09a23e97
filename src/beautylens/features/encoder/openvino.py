"""Running a network's ONNX graph with OpenVINO: pictures in, feature maps out."""

from __future__ import annotations

import importlib
import json
import os
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.native import OPENVINO, Once

HEADER_KEY = "beautylens"
# Under which a portable file names the fingerprint of its encoder.
PORTABLE_KEY = f"{HEADER_KEY}-portable"

# What networks compute in: single precision, or bfloat16 (16 bits, as wide a range).
Precision = Literal["f32", "bf16"]
# The environment variable that names one for all networks of a process.
PRECISION_VARIABLE = "BEAUTYLENS_PRECISION"


class Network:
    """A network read from an ONNX file, compiled on first use.

    Args:
        graph: an ONNX file whose input is (N, 3, H, W) and whose first output is (N, C, h, w).
        mean: per-channel value subtracted from 0..255 RGB.
        std: per-channel value divided by.
        side: of the input, in pixels.
        precision: `f32` or `bf16` to compute in; by default `chosen_precision`.
        callers: threads that run it at once, a core each; by default one thread has all cores.

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
        """Return the same network for so many threads that run it at once, kept for next time."""
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
            # Now, by one thread: the callers would each compile it on first use.
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
            # A picture on one core costs less than its share of a batch on all of them.
            config = {"NUM_STREAMS": self.callers, "INFERENCE_NUM_THREADS": self.callers}
        config["INFERENCE_PRECISION_HINT"] = self.precision
        try:
            model.reshape({0: [-1, self.side, self.side, 3]})
        except RuntimeError as error:
            raise EncoderError(
                f"{self.graph}: this network cannot take any number of pictures of "
                f"{self.side} x {self.side} pixels; choose its own side, or export it again"
            ) from error
        return ov.Core().compile_model(model, "CPU", config)


@OPENVINO.first_call_alone
def _infer(compiled: Any, pictures: UInt8, outputs: int) -> tuple[Float32, ...]:
    """Return the first so many outputs of a compiled network."""
    request = compiled.create_infer_request()
    request.infer({0: pictures}, share_inputs=True)
    return tuple(
        np.asarray(request.get_output_tensor(place).data, dtype=np.float32)
        for place in range(outputs)
    )


def chosen_precision() -> Precision:
    """Return the precision that networks compute in where none is named.

    bfloat16 where the processor multiplies it, in about half the time; else single precision. The
    environment variable `BEAUTYLENS_PRECISION` overrides that.

    Raises:
        EncoderError: when the variable holds something else than `f32` or `bf16`.
    """
    wanted = os.environ.get(PRECISION_VARIABLE, "")
    if wanted and wanted not in get_args(Precision):
        raise EncoderError(
            f"the environment variable {PRECISION_VARIABLE} is '{wanted}': set it to "
            f"{' or '.join(get_args(Precision))}, or unset it to let the processor decide"
        )
    return wanted or _native_precision()  # type: ignore[return-value]  # one of the two


def precision_like(recorded: Precision | None) -> Precision:
    """Return the precision to search in, given that in which the gallery was described.

    The same, so that the answers are too, where this processor has it. A gallery described in
    bfloat16 is searched in single precision where it has not; cosines differ by less than .003.

    Args:
        recorded: None where nobody knows.
    """
    chosen = chosen_precision()
    if recorded is None or os.environ.get(PRECISION_VARIABLE):
        return chosen
    return recorded if recorded == _native_precision() else "f32"


@cache
@OPENVINO.first_call_alone
def _native_precision() -> Precision:
    capable = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capable else "f32"


def compile_graph(graph: Path) -> Any:
    """Return an ONNX graph compiled for the CPU, its inputs and outputs as they are.

    Single precision: keypoints are told apart by small differences, and a small network gains
    nothing from less.

    Raises:
        EncoderError: when OpenVINO cannot read the file.
    """
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    return import_openvino().Core().compile_model(read_graph(graph), "CPU", settings)


def threads_of(compiled: Any) -> int:
    """Return how many threads a compiled graph computes on."""
    return int(compiled.get_property("INFERENCE_NUM_THREADS"))


def read_header(graph: Path) -> dict[str, Any] | None:
    """Return the JSON header that an encoder file carries in its ONNX metadata, if it has one.

    Raises:
        EncoderError: when the file is no ONNX graph, or its header is no JSON.
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
    """Return the fingerprint of the encoder that a portable file was made of; None for others.

    Raises:
        EncoderError: when the file is no ONNX graph.
    """
    return _metadata(graph, PORTABLE_KEY)


def _metadata(graph: Path, key: str) -> str | None:
    model = read_graph(graph)
    try:
        return str(model.get_rt_info(["framework", key]).astype(str))
    except RuntimeError:
        return None


@cache
@OPENVINO.first_call_alone
def import_openvino() -> ModuleType:
    """Import OpenVINO on first use (a third of a second) and without its usage reports.

    Merely imported, it sends an event to an analytics server from a forked process, unless the
    package that does so cannot be imported; then its own empty stand-in takes over.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # bars the import
    try:
        return importlib.import_module("openvino")
    finally:
        if sys.modules.get("openvino_telemetry", True) is None:
            del sys.modules["openvino_telemetry"]


@OPENVINO.first_call_alone
def read_graph(graph: Path) -> Any:
    """Return a file's graph as an OpenVINO model.

    Raises:
        EncoderError: when there is no such file, or OpenVINO cannot read it.
    """
    if not graph.is_file():
        raise EncoderError(f"{graph}: no such encoder file")
    try:
        return import_openvino().Core().read_model(str(graph))
    except RuntimeError as error:
        raise EncoderError(
            f"{graph}: not an ONNX graph that OpenVINO can read; export it again"
        ) from error
