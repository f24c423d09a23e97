"""Encoders: files that turn pictures into global descriptors, preprocessing included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from beautylens.errors import EncoderError, RecipeError
from beautylens.features.folders import known_encoders, no_such_encoder
from beautylens.features.pooling import Pooling, find_pooling, unit_rows
from beautylens.features.runtime import Network, read_header
from beautylens.features.whitening import Whitening
from beautylens.images.decode import Picture, decode
from beautylens.images.fit import centre, white_pad
from beautylens.settings import PoolingSettings, Settings, checked

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Channels = tuple[float, float, float]

BATCH = 16
# Not a pooling of maps: it reads the network's second output instead.
CLASS_TOKEN = "class_token"  # noqa: S105  (no secret)


class EncoderSpec(Settings):
    """What an encoder's header says; it travels with the weights.

    `mean` and `std` are on the 0..255 scale, RGB; `side` is the input's, in pixels. A network of
    `fixed_side` (most transformers) takes no other; others take any multiple of `stride`.
    """

    name: str
    side: int = Field(ge=32, le=2048)
    stride: int = Field(default=32, ge=1)
    fixed_side: bool = False
    mean: Channels
    std: Channels
    fit: Literal["white_pad"] = "white_pad"
    pooling: PoolingSettings
    licence: str = ""


class Encoder:
    """A network, a pooling and an optional whitening that describe pictures.

    Args:
        graph: the ONNX file.
        spec: its header.
        whitening: applied to the pooled descriptor where the encoder has one.
    """

    def __init__(self, graph: Path, spec: EncoderSpec, whitening: Whitening | None = None) -> None:
        if spec.side % spec.stride:
            raise EncoderError(
                f"encoder '{spec.name}': the input side {spec.side} must be a multiple of "
                f"{spec.stride}"
            )
        self.spec, self.whitening, self.graph = spec, whitening, graph
        self._network = Network(graph, spec.mean, spec.std, spec.side)
        self._pool = _find_pooling(spec.pooling)

    @classmethod
    def load(
        cls,
        file: str | Path = "default",
        *,
        side: int | None = None,
        pooling: PoolingSettings | None = None,
    ) -> Encoder:
        """Read an encoder: `default`, a folder with encoder.json, or an .onnx file with a header.

        Args:
            file: which encoder.
            side: another input side than the header's, in pixels.
            pooling: another pooling than the header's; a whitening learnt on the header's own
                pooling is then left out.

        Raises:
            EncoderError: when the file is missing, malformed, or of a newer format.
        """
        graph, header, whitening = _read_encoder(file)
        spec = checked(EncoderSpec, header, f"encoder '{file}'", EncoderError)
        changes: dict[str, Any] = {}
        if side is not None:
            _check_side(spec, side)
            changes["side"] = side
        if pooling is not None and pooling != spec.pooling:
            changes["pooling"] = pooling
            whitening = None
        return cls(graph, spec.model_copy(update=changes), whitening)

    def __call__(self, pictures: Sequence[Picture]) -> Floats:
        """Return the descriptors of pictures: (N, D) float32, unit rows."""
        fitted = (self.fit(decode(picture, least_side=self.spec.side)) for picture in pictures)
        batches = [self.describe(np.stack(batch)) for batch in _batched(fitted, BATCH)]
        return np.concatenate(batches) if batches else np.empty((0, self.dimensions), np.float32)

    def fit(self, picture: Pixels) -> Pixels:
        """Return an (H, W, 3) picture as the (side, side, 3) input of the network."""
        return white_pad(picture, self.spec.side)

    def describe(self, fitted: Pixels) -> Floats:
        """Return the descriptors of fitted pictures: (N, side, side, 3) to (N, D), unit rows."""
        if self._pool is None:
            pooled = unit_rows(self.class_tokens(fitted))
        else:
            pooled = self._pool(self.feature_maps(fitted))
        return pooled if self.whitening is None else self.whitening(pooled)

    def feature_maps(self, fitted: Pixels) -> Floats:
        """Return the network's maps (N, C, h, w): one pass that any number of poolings can read."""
        return self._network(fitted)

    def class_tokens(self, fitted: Pixels) -> Floats:
        """Return a transformer's class tokens of fitted pictures, (N, C).

        Raises:
            EncoderError: when the network has none.
        """
        outputs = self._network.outputs(fitted)
        if len(outputs) < 2 or outputs[1].ndim != 2:
            raise EncoderError(
                f"encoder '{self.spec.name}': the network has no class token; choose a pooling of "
                "its maps, such as gem"
            )
        return outputs[1]

    def describe_views(self, picture: Pixels, views: Sequence[float]) -> Floats:
        """Return one descriptor (D,), the unit mean of those of centred crops of a picture.

        Args:
            picture: (H, W, 3) uint8 RGB.
            views: shares of width and height that each crop keeps; 1 is the whole picture.
        """
        fitted = np.stack([self.fit(centre(picture, share)) for share in views])
        return unit_rows(self.describe(fitted).sum(axis=0))

    @cached_property
    def dimensions(self) -> int:
        """The length D of a descriptor."""
        if self.whitening is not None:
            return len(self.whitening.matrix)
        blank = np.zeros((1, self.spec.side, self.spec.side, 3), np.uint8)
        return int(self.describe(blank).shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that a descriptor depends on: two encoders agree or differ."""
        digest = hashlib.sha256(self.graph.read_bytes())
        settings = self.spec.model_dump(exclude={"licence", "fixed_side"})
        digest.update(json.dumps(settings, sort_keys=True).encode())
        if self.whitening is not None:
            digest.update(self.whitening.mean.tobytes() + self.whitening.matrix.tobytes())
        return digest.hexdigest()[:16]


def _find_pooling(settings: PoolingSettings) -> Pooling | None:
    """Return the pooling of the maps, or None where the class token takes its place."""
    if settings.name != CLASS_TOKEN:
        return find_pooling(settings.name, **settings.options)
    if settings.options:
        raise RecipeError(f"pooling '{CLASS_TOKEN}' takes no options; leave them out")
    return None


def _check_side(spec: EncoderSpec, side: int) -> None:
    if spec.fixed_side and side != spec.side:
        raise EncoderError(
            f"encoder '{spec.name}' takes pictures of {spec.side} pixels only, not {side}; export "
            f"it again with --side {side}"
        )


def _locate(file: str | Path) -> Path:
    """Return where an encoder is: the shipped default, a path, or a bare name in the home."""
    if str(file) == "default":
        return Path(str(resources.files("beautylens") / "features/weights/default"))
    path = Path(file)
    return path if path.exists() else known_encoders().get(str(file), path)


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
    values = read_header(path)
    if values is None:
        raise EncoderError(
            f"{path}: this ONNX file says nothing of its input size, mean and pooling; put it in a "
            "folder as graph.onnx beside an encoder.json"
        )
    return path, values, None


def _batched(pictures: Iterator[Pixels], size: int) -> Iterator[list[Pixels]]:
    batch: list[Pixels] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
