"""Encoder files: a network with its preprocessing, pooling and whitening."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import copy
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from pydantic import Field

from beautylens.arrays import Float32, UInt8
from beautylens.errors import EncoderError
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.encoder.cuda import CudaNetwork
from beautylens.features.encoder.openvino import Network, portable_of, read_header
from beautylens.features.encoder.pooling import Outputs, find_pooled
from beautylens.features.encoder.precision import Precision, supported
from beautylens.features.encoder.registry import known_encoders, no_such_encoder
from beautylens.features.encoder.whitening import Whitening
from beautylens.images.fit import white_pad
from beautylens.recipe.settings import PoolingSettings, Scales, Settings, checked
from beautylens.runtime.gpu import has_gpu

Channels = tuple[float, float, float]


class EncoderSpec(Settings):
    """Header of an encoder, stored with the weights.

    `mean` and `std` are on the 0..255 scale, RGB; `side` is the input side in pixels, and `scales`
    are multiples of it for multi-scale descriptors. A network of `fixed_side` (most transformers)
    takes no other side; others take any multiple of `stride`.
    """

    name: str
    side: int = Field(ge=32, le=2048)
    stride: int = Field(default=32, ge=1)
    fixed_side: bool = False
    mean: Channels
    std: Channels
    fit: Literal["white_pad"] = "white_pad"
    pooling: PoolingSettings
    scales: Scales = (1.0,)
    licence: str = ""


class Encoder(BaseEncoder):
    """An encoder of one network, a pooling and an optional whitening.

    Args:
        graph: the ONNX file.
        spec: its header.
        whitening: applied to the pooled descriptor; None for none.
        precision: `f32` or `bf16` to compute in; by default `chosen_precision`.
    """

    def __init__(
        self,
        graph: Path,
        spec: EncoderSpec,
        whitening: Whitening | None = None,
        *,
        precision: Precision | None = None,
    ) -> None:
        if spec.side % spec.stride:
            raise EncoderError(
                f"encoder '{spec.name}': the input side {spec.side} must be a multiple of "
                f"{spec.stride}"
            )
        self.spec = spec
        self.whitening = whitening
        self.graph = graph
        precision = precision and supported(precision)
        sides = [round(spec.side * scale / spec.stride) * spec.stride for scale in spec.scales]
        network_class = CudaNetwork if has_gpu() else Network
        self._networks = [
            network_class(graph, spec.mean, spec.std, side, precision=precision) for side in sides
        ]
        self._pool = {
            query: find_pooled(spec.pooling.name, spec.pooling.options, query=query)
            for query in (False, True)
        }

    @classmethod
    def load(
        cls,
        file: str | Path = "default",
        *,
        side: int | None = None,
        pooling: PoolingSettings | None = None,
        scales: Scales | None = None,
        precision: Precision | None = None,
    ) -> Encoder:
        """Load an encoder: `default`, a folder with encoder.json, or an .onnx file with a header.

        Args:
            file: name, folder or file of the encoder.
            side: input side in pixels; the header's by default.
            pooling: the header's by default; another one drops the whitening, which was learnt on
                the header's.
            scales: multiples of the side; the header's by default.
            precision: `f32` or `bf16` to compute in; by default `chosen_precision`.

        Raises:
            EncoderError: when the file is missing, malformed, or of a newer format.
        """
        graph, header, whitening = _read_encoder(file)
        spec = checked(EncoderSpec, header, f"encoder '{file}'", EncoderError)
        _check_side(spec, side, scales)
        changes: dict[str, Any] = {}
        if side is not None:
            changes["side"] = side
        if scales is not None:
            changes["scales"] = scales
        if pooling is not None and pooling != spec.pooling:
            changes["pooling"] = pooling
            whitening = None
        return cls(graph, spec.model_copy(update=changes), whitening, precision=precision)

    @classmethod
    def exists(cls, file: str | Path) -> bool:
        """Return whether there is a file or folder of that name; `load` checks its content."""
        return _locate(file).exists()

    @property
    def name(self) -> str:
        """Name in the header."""
        return self.spec.name

    @property
    def side(self) -> int:
        """Input side of the largest scale in pixels."""
        return max(network.side for network in self._networks)

    @property
    def precision(self) -> Precision:
        """Precision in which the network computes."""
        return self._networks[0].precision

    @property
    def threads(self) -> int | None:
        """Threads that its networks compute on; None on a GPU."""
        return self._networks[0].threads

    @property
    def run_key(self) -> tuple[object, ...]:
        """Key of the network's outputs: encoders with equal keys differ in their pooling alone."""
        return (self.graph, self.spec.mean, self.spec.std, *(n.side for n in self._networks))

    def fit(self, picture: UInt8) -> UInt8:
        """Return an (H, W, 3) picture as the (side, side, 3) input of the largest scale."""
        return white_pad(picture, self.side)

    def describe(self, fitted: Sequence[UInt8] | UInt8, *, query: bool = False) -> Float32:
        """Return the descriptors of fitted pictures: (N, side, side, 3) to (N, D), unit rows."""
        return self.describe_outputs(self.outputs(fitted), query=query)

    def describe_outputs(self, outputs: Sequence[Outputs], *, query: bool = False) -> Float32:
        """Return the descriptors (N, D) of network outputs, pooled and whitened."""
        pooled = self._pool[query](outputs)
        return pooled if self.whitening is None else self.whitening(pooled)

    def shared_by(self, callers: int) -> Encoder:
        """Return the same encoder for `callers` threads that call `describe` at the same time."""
        shared = copy(self)
        shared._networks = [network.shared_by(callers) for network in self._networks]
        return shared

    def outputs(self, fitted: Sequence[UInt8] | UInt8) -> list[Outputs]:
        """Return the network's outputs of pictures, one for each scale."""
        return [
            _named(network.outputs(_resized(fitted, network.side))) for network in self._networks
        ]

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the graph, the header and the whitening."""
        digest = hashlib.sha256(self.graph.read_bytes())
        # Without defaults: a setting added by a later version must not change fingerprints.
        settings = self.spec.model_dump(exclude={"licence"}, exclude_defaults=True)
        digest.update(json.dumps(settings, sort_keys=True).encode())
        if self.whitening is not None:
            digest.update(self.whitening.mean.tobytes() + self.whitening.matrix.tobytes())
        return digest.hexdigest()[:16]


def _named(outputs: Sequence[Float32]) -> Outputs:
    token = next((output for output in outputs[1:] if output.ndim == 2), None)
    return Outputs(outputs[0], token)


def _resized(fitted: Sequence[UInt8] | UInt8, side: int) -> UInt8:
    if len(fitted[0]) == side:
        return np.asarray(fitted)
    scaled = [cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in fitted]
    return np.stack(scaled).astype(np.uint8, copy=False)


def _check_side(spec: EncoderSpec, side: int | None, scales: Scales | None) -> None:
    if not spec.fixed_side:
        return
    if side not in (None, spec.side):
        raise EncoderError(
            f"encoder '{spec.name}' takes pictures of {spec.side} pixels only, not {side}; export "
            f"it again with --side {side}"
        )
    if scales not in (None, (1.0,)):
        raise EncoderError(
            f"encoder '{spec.name}' takes pictures of {spec.side} pixels only: leave out `scales`"
        )


def _locate(file: str | Path) -> Path:
    """Return the path of an encoder: the shipped default, a path, or a name in the encoder home."""
    if str(file) == "default":
        return Path(str(resources.files("beautylens") / "features/encoder/weights/default"))
    # A bare name is looked up in the home first, whatever the working directory holds.
    return known_encoders().get(str(file), Path(file))


def _read_encoder(file: str | Path) -> tuple[Path, Mapping[str, Any], Whitening | None]:
    """Return the graph, the header and the whitening of an encoder by name, folder or file."""
    path = _locate(file)
    if path.is_dir():
        header = path / "encoder.json"
        if not header.is_file():
            raise EncoderError(f"{path}: an encoder folder needs an encoder.json; export it again")
        try:
            values = json.loads(header.read_text("utf-8"))
        except json.JSONDecodeError as error:
            raise EncoderError(f"{header}: not valid JSON ({error}); export it again") from error
        stored = path / "whitening.npz"
        whitening = Whitening.load(stored) if stored.exists() else None
        return path / "graph.onnx", values, whitening
    if path.suffix != ".onnx":
        raise no_such_encoder(str(file))
    if made_of := portable_of(path):
        raise EncoderError(
            f"{path} is a portable file for phones and browsers, whose pooling is in the graph; "
            f"name the encoder it was made from ({made_of})"
        )
    values = read_header(path)
    if values is None:
        raise EncoderError(
            f"{path}: this ONNX file has no header with input size, mean and pooling; "
            "import it with `beautylens encoder import`"
        )
    return path, values, None
