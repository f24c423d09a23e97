"""Pictures to learn from: plain as at inference, jittered, or as a phone would take them."""

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
from beautylens.images.ahead import ahead, batches
from beautylens.images.decode import decode
from beautylens.images.fit import LEAST_SIDE, shrink, white_pad
from beautylens.images.simulate import colour_cast, jpeg, light_falloff, phone_photo
from beautylens.paths import Place
from beautylens.threads import cores

# Simulated views of each picture whose maps are cached.
CACHED_VIEWS = 4
# How much larger than the input a picture is decoded, so that views can look closer.
_DETAIL = 1.5
_BATCH = 16


class Source(Protocol):
    """Some pictures in order, each as what a network takes: pixels, or maps that are kept."""

    def __len__(self) -> int:
        """Return how many there are."""

    def plain(self, place: int) -> NDArray[Any]:
        """Return a picture as at inference."""

    def jittered(self, place: int, rng: np.random.Generator) -> NDArray[Any]:
        """Return a photo framed and lit a little differently."""

    def simulated(self, place: int, rng: np.random.Generator) -> NDArray[Any]:
        """Return a studio picture as a phone might see its item."""


class Pictures:
    """Picture files, decoded when they are asked for.

    Args:
        paths: the files.
        side: of the network's input, in pixels.
    """

    def __init__(self, paths: Sequence[Place], side: int) -> None:
        self.paths = tuple(paths)
        self.side = side

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.paths)

    def plain(self, place: int) -> UInt8:
        """Return the whole picture on a white square, (S, S, 3) uint8."""
        return white_pad(decode(self.paths[place], least_side=self.side), self.side)

    def jittered(self, place: int, rng: np.random.Generator) -> UInt8:
        """Return most of the picture, its light and colours a little changed."""
        picture = self._detailed(place)
        height, width = picture.shape[:2]
        share = rng.uniform(0.7, 1.0, 2)
        rows, columns = (
            min(n, max(LEAST_SIDE, int(n * s))) for n, s in zip((height, width), share, strict=True)
        )
        top, left = rng.integers(0, height - rows + 1), rng.integers(0, width - columns + 1)
        part = np.ascontiguousarray(picture[top : top + rows, left : left + columns])
        for effect in (light_falloff, colour_cast, jpeg):
            part = effect(part, rng, 0.7)
        return white_pad(part, self.side)

    def simulated(self, place: int, rng: np.random.Generator) -> UInt8:
        """Return the picture's item as a phone might take it."""
        return white_pad(phone_photo(self._detailed(place), rng), self.side)

    def _detailed(self, place: int) -> UInt8:
        longest = round(_DETAIL * self.side)
        return shrink(decode(self.paths[place], least_side=longest), longest)[0]


class CachedMaps:
    """The maps of pictures and of a few views of each, made once by a frozen network.

    Args:
        plain: (N, C, h, w) float16.
        views: (N, V, C, h, w) float16, of jittered or simulated views.
    """

    def __init__(self, plain: Float16, views: Float16) -> None:
        self._plain = plain
        self._views = views

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return len(self._plain)

    def plain(self, place: int) -> Float16:
        """Return the maps of a picture, (C, h, w)."""
        return np.array(self._plain[place])

    def jittered(self, place: int, rng: np.random.Generator) -> Float16:
        """Return the maps of one of its views."""
        return np.array(self._views[place, rng.integers(self._views.shape[1])])

    simulated = jittered


def cache_maps(
    encoder: Encoder,
    paths: Sequence[Place],
    folder: Path,
    *,
    simulated: bool,
    views: int = CACHED_VIEWS,
    seed: int = 0,
) -> CachedMaps:
    """Run an encoder's network once over pictures and views of them, and keep the maps on disk.

    Args:
        encoder: its network stays as it is.
        paths: the pictures.
        folder: where the maps go; those that are there and whole are taken.
        simulated: whether the views are simulated phone photos, else jittered ones.
        views: of each picture; 0 for a source that is only asked for plain pictures.
        seed: of the views.
    """
    pictures = Pictures(paths, encoder.side)
    parts = []
    see = pictures.simulated if simulated else pictures.jittered

    def seen(place: int) -> list[UInt8]:
        return [see(place, np.random.default_rng((seed, place, view))) for view in range(views)]

    def plain(place: int) -> list[UInt8]:
        return [pictures.plain(place)]

    for name, make in (("plain", plain), ("views", seen))[: 1 + (views > 0)]:
        file = folder / f"{name}.npy"
        if not file.exists():
            made = ahead(cores(), make, range(len(pictures)), 4 * _BATCH)
            _write_maps(encoder, made, file, len(paths))
        parts.append(np.load(file, mmap_mode="r"))
    return CachedMaps(parts[0][:, 0], parts[-1])


def _write_maps(encoder: Encoder, views: Iterator[list[UInt8]], file: Path, count: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Processes that train together each make them: the last takes the place of the others.
    aside = file.with_suffix(f".{os.getpid()}.part")
    kept = None
    for start, several in enumerate(batches(views, _BATCH)):
        flat = [view for each in several for view in each]
        maps = np.concatenate(
            [encoder.outputs(part)[0].maps.astype(np.float16) for part in batches(flat, _BATCH)]
        )
        if kept is None:
            shape = (count, len(several[0]), *maps.shape[1:])
            kept = np.lib.format.open_memmap(aside, mode="w+", dtype=np.float16, shape=shape)
        place = start * _BATCH
        kept[place : place + len(several)] = maps.reshape(len(several), -1, *maps.shape[1:])
    if kept is None:
        raise ImageError("there are no pictures to learn from; give a table with some")
    kept.flush()
    aside.rename(file)


def fault_of(path: Place) -> str:
    """Return why a picture cannot be read; nothing where it can."""
    try:
        decode(path, least_side=32)
    except ImageError as error:
        return str(error)
    return ""
