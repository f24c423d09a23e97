"""Parity of a portable file with its encoder on a catalogue's own pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.errors import ImageError
from beautylens.features.encoder.encoder import Encoder
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode

# Pictures that are compared, evenly spread over the catalogue.
MOST = 100


@dataclass(frozen=True, slots=True)
class PictureParity:
    """Cosines of descriptors by a portable file with those in a collection.

    Args:
        pictures: how many were compared.
        mean: cosine.
        lowest: cosine.
        faults: why other pictures could not be read.
    """

    pictures: int
    mean: float
    lowest: float
    faults: tuple[str, ...]


def compare_on_pictures(
    encoder: Encoder,
    describe: Callable[[UInt8], Float32],
    paths: Sequence[AnyPath],
    *,
    least_side: int,
) -> PictureParity:
    """Return how closely whole pictures are described as a collection has them.

    A phone gives the portable file all pixels; indexing decodes JPEGs at a part of their size, and
    runs the encoder at the precision of this machine.

    Args:
        encoder: as it describes collections.
        describe: the portable file: (H, W, 3) uint8 to a unit vector.
        paths: of the catalogue's pictures.
        least_side: at which indexing decodes.

    Raises:
        ImageError: when no picture can be read.
    """
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(MOST, len(paths))).round().astype(int))
    cosines, faults = [], []
    for path in (paths[number] for number in chosen):
        try:
            indexed, whole = decode(path, least_side=least_side), decode(path)
        except ImageError as error:
            faults.append(str(error))
            continue
        (stored,) = encoder.describe([encoder.fit(indexed)])
        cosines.append(float(stored @ describe(whole)))
    if not cosines:
        raise ImageError(f"none of the catalogue's pictures can be read; the first: {faults[0]}")
    return PictureParity(len(cosines), float(np.mean(cosines)), min(cosines), tuple(faults))
