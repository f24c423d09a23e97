"""Training pictures: plain as at inference, jittered, or as simulated phone photos."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Float16, UInt8
from beautylens.errors import ImageError
from beautylens.features.encoder.encoder import Encoder
from beautylens.files.paths import AnyPath
from beautylens.images.decode import decode
from beautylens.images.fit import MIN_SIDE, shrink, white_pad
from beautylens.images.simulate import colour_cast, jpeg, light_falloff, phone_photo
from beautylens.runtime.prefetch import batches, prefetch
from beautylens.runtime.threads import cores

# Views of each picture whose maps are cached.
CACHED_VIEWS = 4
# Size of a decoded picture relative to the input, so that crops keep detail.
_DETAIL = 1.5
_BATCH = 16
# Side of the padded picture that `cropped` cuts from, relative to the input.
CROPPED_FROM = 256 / 224


class Source(Protocol):
    """Training pictures in order, as inputs of a network: pixels, or cached maps."""

    def __len__(self) -> int:
        """Return the number of pictures."""

    def plain(self, index: int) -> NDArray[Any]:
        """Return a picture as at inference."""

    def jittered(self, index: int, rng: np.random.Generator) -> NDArray[Any]:
        """Return a picture with random crop and light."""

    def simulated(self, index: int, rng: np.random.Generator) -> NDArray[Any]:
        """Return a simulated phone photo of a picture."""

    def cropped(self, index: int, rng: np.random.Generator) -> NDArray[Any]:
        """Return a random crop of a picture, mirrored in half of the cases."""


class Pictures:
    """Picture files, decoded on access.

    Args:
        paths: of the files.
        side: input side of the network in pixels.
        decoded: pixels that the longer side of a plain picture keeps when it is decoded; `side` by
            default.
    """

    def __init__(self, paths: Sequence[AnyPath], side: int, decoded: int | None = None) -> None:
        self.paths = tuple(paths)
        self.side = side
        self._decoded = decoded or side

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.paths)

    def plain(self, index: int) -> UInt8:
        """Return the whole picture on a white square, (S, S, 3) uint8."""
        return white_pad(decode(self.paths[index], least_side=self._decoded), self.side)

    def jittered(self, index: int, rng: np.random.Generator) -> UInt8:
        """Return a random crop with changed light, colours and compression, (S, S, 3) uint8."""
        picture = self._detailed(index)
        height, width = picture.shape[:2]
        share = rng.uniform(0.7, 1.0, 2)
        rows, columns = (
            min(n, max(MIN_SIDE, int(n * s))) for n, s in zip((height, width), share, strict=True)
        )
        top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
        part = np.ascontiguousarray(picture[top : top + rows, left : left + columns])
        for effect in (light_falloff, colour_cast, jpeg):
            part = effect(part, rng, 0.7)
        return white_pad(part, self.side)

    def simulated(self, index: int, rng: np.random.Generator) -> UInt8:
        """Return a simulated phone photo of the picture, (S, S, 3) uint8."""
        return white_pad(phone_photo(self._detailed(index), rng), self.side)

    def cropped(self, index: int, rng: np.random.Generator) -> UInt8:
        """Return a random square of the padded picture, perhaps mirrored, (S, S, 3) uint8.

        As Lin et al. (2019): 224 of 256 pixels, a side of S of 8/7·S.
        """
        whole = round(self.side * CROPPED_FROM)
        padded = white_pad(decode(self.paths[index], least_side=whole), whole)
        top, left = rng.integers(0, whole - self.side + 1, 2)
        part = padded[top : top + self.side, left : left + self.side]
        return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)

    def _detailed(self, index: int) -> UInt8:
        longest = round(_DETAIL * self.side)
        return shrink(decode(self.paths[index], least_side=longest), longest)[0]


class CachedMaps:
    """Cached maps of a frozen network for pictures and a few views of each.

    Args:
        plain: (N, C, h, w) float16.
        views: (N, V, C, h, w) float16, of jittered or simulated views.
    """

    def __init__(self, plain: Float16, views: Float16) -> None:
        self._plain = plain
        self._views = views

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self._plain)

    def plain(self, index: int) -> Float16:
        """Return the maps of a picture, (C, h, w)."""
        return np.array(self._plain[index])

    def jittered(self, index: int, rng: np.random.Generator) -> Float16:
        """Return the maps of a random view, (C, h, w)."""
        return np.array(self._views[index, rng.integers(self._views.shape[1])])

    simulated = cropped = jittered


def cache_maps(
    encoder: Encoder,
    pictures: Pictures,
    folder: Path,
    *,
    simulated: bool,
    views: int = CACHED_VIEWS,
    seed: int = 0,
) -> CachedMaps:
    """Compute an encoder's maps of pictures and views of them, and store them on disk.

    Args:
        encoder: the encoder with the frozen network.
        pictures: the pictures.
        folder: folder of the maps; complete files in it are reused.
        simulated: whether views are simulated phone photos or jittered pictures.
        views: number of views of each picture; 0 if only plain pictures are needed.
        seed: of the views.
    """
    parts = []
    make_view = pictures.simulated if simulated else pictures.jittered

    def views_of(index: int) -> list[UInt8]:
        return [
            make_view(index, np.random.default_rng((seed, index, view))) for view in range(views)
        ]

    def plain(index: int) -> list[UInt8]:
        return [pictures.plain(index)]

    for name, make in (("plain", plain), ("views", views_of))[: 1 + (views > 0)]:
        file = folder / f"{name}.npy"
        if not file.exists():
            made = prefetch(cores(), make, range(len(pictures)), 4 * _BATCH)
            _write_maps(encoder, made, file, len(pictures))
        parts.append(np.load(file, mmap_mode="r"))
    return CachedMaps(parts[0][:, 0], parts[-1])


def _write_maps(encoder: Encoder, views: Iterator[list[UInt8]], file: Path, count: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Each training process computes them: the last one replaces the files of the others.
    temporary = file.with_suffix(f".{os.getpid()}.part")
    kept = None
    for start, several in enumerate(batches(views, _BATCH)):
        flat = [view for each in several for view in each]
        maps = np.concatenate(
            [encoder.outputs(part)[0].maps.astype(np.float16) for part in batches(flat, _BATCH)]
        )
        if kept is None:
            shape = (count, len(several[0]), *maps.shape[1:])
            kept = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
        row = start * _BATCH
        kept[row : row + len(several)] = maps.reshape(len(several), -1, *maps.shape[1:])
    if kept is None:
        raise ImageError("no pictures to train on; give a table with pictures")
    kept.flush()
    temporary.rename(file)


def read_error(path: AnyPath) -> str:
    """Return the error of reading a picture; an empty string if it can be read."""
    try:
        decode(path, least_side=32)
    except ImageError as error:
        return str(error)
    return ""
