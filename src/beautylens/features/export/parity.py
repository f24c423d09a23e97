"""Parity of an exported network with its original: cosines over synthetic pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.features.encoder.openvino import Network
from beautylens.features.encoder.pooling import spoc, unit_rows
from beautylens.features.encoder.precision import Precision


@dataclass(frozen=True, slots=True)
class Agreement:
    """Cosines between one output of two networks, over some pictures.

    `precision` is the network's; `side` is that of the pictures in pixels; `output` is `maps`,
    `pooled` (their mean) or `class token`.
    """

    precision: Precision
    side: int
    output: str
    mean: float
    lowest: float


def probe_pictures(side: int, count: int = 3) -> UInt8:
    """Return synthetic pictures (count, side, side, 3): soft colours and noise, for all layers."""
    rng = np.random.default_rng(side)
    pictures = []
    for cells in range(3, 3 + count):
        soft = rng.integers(0, 256, (cells, cells, 3)).astype(np.float32)
        noise = rng.normal(0, 12, (side, side, 3))
        pictures.append(cv2.resize(soft, (side, side), interpolation=cv2.INTER_CUBIC) + noise)
    return np.clip(np.stack(pictures), 0, 255).astype(np.uint8)


def measure_agreement(
    network: Network, original: Callable[[UInt8], Sequence[Float32]]
) -> Iterator[Agreement]:
    """Yield the agreement of each output of a network with the original's.

    Args:
        network: the exported network.
        original: returns the maps and, if there is one, the class token of pictures.
    """
    pictures = probe_pictures(network.side)
    expected, found = list(original(pictures)), list(network.outputs(pictures))
    names = ["maps", "class token"][: len(expected)]
    rows = [
        *zip(names, expected, found, strict=True),
        ("pooled", spoc(expected[0]), spoc(found[0])),
    ]
    for name, wanted, got in rows:
        cosines = (_flat(wanted) * _flat(got)).sum(axis=1)
        yield Agreement(
            network.precision,
            network.side,
            name,
            float(cosines.mean()),
            float(cosines.min()),
        )


def _flat(output: Float32) -> Float32:
    """Return one unit row a picture."""
    return unit_rows(output.reshape(len(output), -1))
