"""TIFF: size of tiles, strips and values of the first directory (TIFF 6.0)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace

import numpy as np

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure

_WIDTH = 256
_HEIGHT = 257
_BITS = 258
_SAMPLES = 277
_STRIP_OFFSETS = 273
_ROWS_PER_STRIP = 278
_STRIP_BYTES = 279
_PLANES = 284
_TILE_WIDTH = 322
_TILE_HEIGHT = 323
_TILE_OFFSETS = 324
_TILE_BYTES = 325
_TYPES = {
    1: "u1",
    2: "u1",
    3: "u2",
    4: "u4",
    5: "u8",
    6: "u1",
    7: "u1",
    8: "u2",
    9: "u4",
    10: "u8",
    11: "u4",
    12: "u8",
    13: "u4",
    16: "u8",
    17: "u8",
    18: "u8",
}
# Tags that affect the decoding of pixels (TIFF 6.0, sections 3 to 23).
_OF_THE_PIXELS = frozenset(
    (
        *range(254, 260),
        262,
        266,
        273,
        274,
        277,
        278,
        279,
        284,
        292,
        293,
        317,
        320,
        *range(322, 326),
        330,
        332,
        338,
        339,
        347,
        *range(512, 522),
        529,
        530,
        531,
        532,
    )
)
# Side of a tile in pixels that is allowed for a picture of any size.
_COMMON_TILE = 1024
_SPARE_BYTES = 1 << 20
_SPARE_PARTS = 16


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of a directory: number, type and offset of its values, and its own offset."""

    count: int
    kind: np.dtype[np.generic]
    at: int
    listed_at: int

    @property
    def size(self) -> int:
        return self.count * self.kind.itemsize


class _Directory:
    """The first directory of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.entries: dict[int, _Entry] = {}
        order = "<" if data[:2] == b"II" else ">"
        (version,) = struct.unpack_from(f"{order}H", data, 2)
        big = version == 43
        pointer, number, words = ("Q", "Q", "QQ") if big else ("I", "H", "II")
        (start,) = struct.unpack_from(f"{order}{pointer}", data, 8 if big else 4)
        (count,) = struct.unpack_from(f"{order}{number}", data, start)
        first = start + struct.calcsize(number)
        step = 20 if big else 12
        inline = struct.calcsize(pointer)
        self._order = order
        self._word = words[0]
        for at in range(first, min(first + step * count, len(data) - step + 1), step):
            tag, kind, values, where = struct.unpack_from(f"{order}HH{words}", data, at)
            if kind in _TYPES:
                entry = _Entry(values, np.dtype(order + _TYPES[kind]), where, at)
                is_inline = entry.size <= inline
                self.entries[tag] = replace(entry, at=at + step - inline) if is_inline else entry

    def without_lost_metadata(self) -> bytes:
        """Return the file with metadata entries emptied that point outside of it.

        Pillow stops at such an entry, and entries of the pixels may follow it.
        """
        lost = [
            entry.listed_at
            for tag, entry in self.entries.items()
            if tag not in _OF_THE_PIXELS and entry.at + entry.size > len(self.data)
        ]
        if not lost:
            return self.data
        data = bytearray(self.data)
        for at in lost:
            # One byte, stored in the entry itself.
            struct.pack_into(f"{self._order}H{self._word}", data, at + 2, 1, 1)
        return bytes(data)

    def values(self, tag: int) -> np.ndarray[tuple[int], np.dtype[np.generic]]:
        """Return the values of a tag that are in the file; none without the tag."""
        entry = self.entries.get(tag)
        if entry is None or entry.at >= len(self.data):
            return np.empty(0)
        count = min(entry.count, (len(self.data) - entry.at) // entry.kind.itemsize)
        return np.frombuffer(self.data, entry.kind, count, entry.at)

    def value(self, tag: int, otherwise: int) -> int:
        """Return the first value of a tag."""
        values = self.values(tag)
        return int(values[0]) if len(values) else otherwise


def read_tiff(data: bytes, _: Limits) -> Structure:
    """Check that the tiles or strips of a TIFF cover its picture and not much more.

    Raises:
        ExcessError: when they are larger, more, or longer than the picture can need, or the
            directory's values are larger than the file.
    """
    try:
        directory = _Directory(data)
    except struct.error:
        # The decoder reports the damage.
        return Structure(data)
    total = sum(min(entry.size, len(data)) for entry in directory.entries.values())
    if total > 2 * len(data) + _SPARE_BYTES:
        raise ExcessError("has a directory with values larger than the file")
    samples = max(1, directory.value(_SAMPLES, 1))
    planes = samples if directory.value(_PLANES, 1) == 2 else 1
    is_tiled = _TILE_OFFSETS in directory.entries or _TILE_WIDTH in directory.entries
    pixels = _check_tiles(directory, planes) if is_tiled else _check_strips(directory, planes)
    depth = max(1, math.ceil(directory.value(_BITS, 1) / 8))
    kept = directory.without_lost_metadata()
    return Structure(kept, working=pixels * depth * (samples // planes))


def _check_tiles(directory: _Directory, planes: int) -> int:
    """Return the number of pixels of a tile."""
    width, height = directory.value(_WIDTH, 0), directory.value(_HEIGHT, 0)
    across, down = directory.value(_TILE_WIDTH, 0), directory.value(_TILE_HEIGHT, 0)
    if across > max(_COMMON_TILE, 2 * width) or down > max(_COMMON_TILE, 2 * height):
        raise ExcessError(
            f"has tiles of {across:,} x {down:,} pixels in a picture of {width:,} x {height:,}"
        )
    needed = math.ceil(width / max(1, across)) * math.ceil(height / max(1, down)) * planes
    if needed * across * down > planes * (4 * width * height + _COMMON_TILE**2):
        raise ExcessError(
            f"has tiles of {across:,} x {down:,} pixels, mostly outside its {width:,} x {height:,}"
        )
    _check_parts(directory, "tiles", needed, (_TILE_OFFSETS, _TILE_BYTES))
    return across * down


def _check_strips(directory: _Directory, planes: int) -> int:
    """Return the number of pixels of a strip."""
    width, height = directory.value(_WIDTH, 0), directory.value(_HEIGHT, 0)
    rows = min(max(1, directory.value(_ROWS_PER_STRIP, height)), max(1, height))
    needed = math.ceil(height / rows) * planes
    _check_parts(directory, "strips", needed, (_STRIP_OFFSETS, _STRIP_BYTES))
    return rows * width


def _check_parts(directory: _Directory, name: str, needed: int, tags: tuple[int, int]) -> None:
    counts = [directory.entries[tag].count for tag in tags if tag in directory.entries]
    found = max(counts, default=0)
    file_bytes = len(directory.data)
    if found > 2 * needed + _SPARE_PARTS:
        raise ExcessError(f"has {found:,} {name} where its picture has {needed:,}")
    lengths = directory.values(tags[1]).astype(float)
    if np.minimum(lengths, file_bytes).sum() > 2 * file_bytes + _SPARE_BYTES:
        raise ExcessError(f"has {name} longer in total than the file")
