"""Quantisation of encoders to eight bits: half the size, about half the time, less accuracy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError, ImageError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.registry import drafted, write_header
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode
from beautylens.runtime.extras import extra

# Pictures on which the ranges of activations are calibrated.
CALIBRATED = 64


def quantise(encoder: Encoder, paths: Sequence[AnyPath], folder: Path, name: str) -> list[str]:
    """Write an encoder with eight-bit weights and activations; return the pictures' errors.

    Static quantisation by ONNX Runtime: weights per channel, activations per layer, calibrated on
    the pictures. Weights use seven of the eight bits: processors without VNNI would overflow.

    Args:
        encoder: encoder to quantise; its whitening is copied.
        paths: catalogue pictures; unreadable ones are skipped.
        folder: folder to create.
        name: of the new encoder.

    Raises:
        EncoderError: when the folder exists, or the graph cannot be quantised.
        ImageError: when no picture can be read.
    """
    with extra("train"):
        import onnx
        from onnxruntime.quantization import QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    with drafted(folder) as draft:
        prepared = draft / "prepared.onnx"
        # Pictures first: an empty folder is a more common error than an unsupported graph.
        calibration = _Calibration(encoder, paths)
        try:
            quant_pre_process(str(encoder.graph), str(prepared), skip_symbolic_shape=True)
            calibration.name = onnx.load(str(prepared)).graph.input[0].name
            quantize_static(
                str(prepared),
                str(draft / "graph.onnx"),
                calibration,
                per_channel=True,
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except (RuntimeError, ValueError, NotImplementedError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise EncoderError(f"'{encoder.name}' cannot be quantised: {reason}") from error
        prepared.unlink(missing_ok=True)
        write_header(draft, encoder.spec.model_copy(update={"name": name, "side": encoder.side}))
        if encoder.whitening is not None:
            encoder.whitening.save(draft / "whitening.npz")
    return calibration.errors


class _Calibration:
    """ONNX Runtime's reader of calibration inputs, (1, 3, side, side) float32 each."""

    def __init__(self, encoder: Encoder, paths: Sequence[AnyPath]) -> None:
        self.name = ""
        self.errors: list[str] = []
        self._encoder = encoder
        pictures = []
        for path in paths[:: max(1, len(paths) // CALIBRATED)]:
            try:
                pictures.append(encoder.fit(decode(path, least_side=encoder.side)))
            except ImageError as error:
                self.errors.append(str(error))
        if not pictures:
            why = f": {self.errors[0]}" if self.errors else ""
            raise ImageError(
                f"no pictures to calibrate with{why}; give readable catalogue pictures"
            )
        self._rest: Iterator[UInt8] = iter(pictures)

    def get_next(self) -> dict[str, Float32] | None:
        """Return the next input; None after the last."""
        picture = next(self._rest, None)
        if picture is None:
            return None
        spec = self._encoder.spec
        mean, std = (np.array(row, np.float32) for row in (spec.mean, spec.std))
        scaled = (picture.astype(np.float32) - mean) / std
        image = scaled.transpose(2, 0, 1)[None]
        return {self.name: np.ascontiguousarray(image, np.float32)}
