"""Encoders of eight bits: half the size and about half the time, at some cost in closeness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError, ImageError
from beautylens.features.encoder.encoder import Encoder
from beautylens.features.encoder.registry import drafted, write_header
from beautylens.images.decode import decode
from beautylens.optional import extra
from beautylens.paths import Place

# Pictures from which the ranges of activations are learnt.
CALIBRATED = 64


def quantise(encoder: Encoder, paths: Sequence[Place], folder: Path, name: str) -> list[str]:
    """Write an encoder whose weights and activations have eight bits; return unread pictures.

    Static quantisation by ONNX Runtime: weights a channel, activations a layer, their ranges those
    of the pictures. Weights use seven of the eight bits: processors without VNNI overflow else.

    Args:
        encoder: what to write anew; its whitening goes along.
        paths: catalogue pictures; those that cannot be read are left out.
        folder: to be made.
        name: the new encoder's.

    Raises:
        EncoderError: when the folder is there, or the graph cannot be quantised.
        ImageError: when no picture can be read.
    """
    with extra("train"):
        import onnx
        from onnxruntime.quantization import QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    with drafted(folder) as draft:
        prepared = draft / "prepared.onnx"
        # The pictures first: an empty folder is a more common mistake than a strange graph.
        shown = _Calibration(encoder, paths)
        try:
            quant_pre_process(str(encoder.graph), str(prepared), skip_symbolic_shape=True)
            shown.name = onnx.load(str(prepared)).graph.input[0].name
            quantize_static(
                str(prepared),
                str(draft / "graph.onnx"),
                shown,
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
    return shown.faults


class _Calibration:
    """Inputs (1, 3, side, side) float32 of pictures, as ONNX Runtime asks for them."""

    def __init__(self, encoder: Encoder, paths: Sequence[Place]) -> None:
        self.name = ""
        self.faults: list[str] = []
        self._encoder = encoder
        pictures = []
        for path in paths[:: max(1, len(paths) // CALIBRATED)]:
            try:
                pictures.append(encoder.fit(decode(path, least_side=encoder.side)))
            except ImageError as error:
                self.faults.append(str(error))
        if not pictures:
            why = f": {self.faults[0]}" if self.faults else ""
            raise ImageError(f"there are no pictures to calibrate with{why}")
        self._rest: Iterator[UInt8] = iter(pictures)

    def get_next(self) -> dict[str, Float32] | None:
        """Return the next input, None after the last."""
        picture = next(self._rest, None)
        if picture is None:
            return None
        spec = self._encoder.spec
        mean, std = (np.array(row, np.float32) for row in (spec.mean, spec.std))
        scaled = (picture.astype(np.float32) - mean) / std
        image = scaled.transpose(2, 0, 1)[None]
        return {self.name: np.ascontiguousarray(image, np.float32)}
