"""JPEG: segments before the first scan, and number of scans (ITU-T T.81)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from beautylens.images.limits import Limits
from beautylens.images.structure.file import ExcessError, Structure, without

MAX_SEGMENTS = 4096
# Largest number of fill bytes between segments.
MAX_FILLER = 64 << 10
# Largest number of scans of a picture with the most pixels allowed; smaller ones may have more.
_WORK = 32

_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
# In coded data, 0xFF is followed by a zero byte or is one of the restart markers. TEM (0x01) has no
# length either: reading one would hide the scans that follow it.
_AFTER_SCAN = re.compile(rb"\xff+([\x02-\xcf\xd8-\xfe])")
_ALONE = frozenset((0x01, *range(0xD0, 0xD9)))
_END = 0xD9
_SCAN = 0xDA
_BASELINE = 0xC0
_EXTENDED = 0xC1
_PROGRESSIVE = 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_IN_PASSES = frozenset((_PROGRESSIVE, 0xC6, 0xCA, 0xCE))
_COEFFICIENT_BYTES = 2


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int
    body: int
    end: int


@dataclass(frozen=True, slots=True)
class _Frame:
    marker: int
    width: int
    height: int
    # The samples of each in a unit of the picture, horizontal times vertical.
    components: tuple[int, ...]

    @property
    def coefficients(self) -> int:
        """Number of coefficients of the picture, with padded blocks."""
        pixels = (self.width + 64) * (self.height + 64)
        return pixels * sum(self.components) // max((1, *self.components))


def read_jpeg(data: bytes, limits: Limits) -> Structure:
    """Count a JPEG's segments and scans; remove truncated metadata.

    Raises:
        ExcessError: when there are more than a picture of its size can need.
    """
    frame: _Frame | None = None
    unsound: list[tuple[int, int]] = []
    for segment in _segments(data):
        body = data[segment.body : segment.end]
        if segment.marker in _FRAMES:
            frame = _frame(segment.marker, body)
        elif segment.marker == _SCAN:
            working = _check_scans(data, segment, frame, limits) if frame else 0
            return Structure(without(data, unsound), working=working)
        elif not _is_sound(segment.marker, body):
            unsound.append((segment.start, segment.end))
    return Structure(without(data, unsound))


def _segments(data: bytes) -> Iterator[_Segment]:
    """Yield the segments up to the first scan."""
    at = filler = 0
    for _ in range(MAX_SEGMENTS):
        marker = _MARKER.search(data, at)
        if marker is None or marker[1][0] == _END:
            return
        filler += marker.end() - at - 2
        if filler > MAX_FILLER:
            raise ExcessError(f"has more than {MAX_FILLER:,} bytes of filler between its segments")
        at = marker.end()
        if marker[1][0] in _ALONE:
            continue
        if at + 2 > len(data):
            return
        (length,) = struct.unpack_from(">H", data, at)
        yield _Segment(marker[1][0], marker.start(), at + 2, at + max(2, length))
        at += max(2, length)
    raise ExcessError(f"has more than {MAX_SEGMENTS:,} segments before its picture")


def _frame(marker: int, body: bytes) -> _Frame | None:
    if len(body) < 6:
        return None
    _, height, width, count = struct.unpack_from(">BHHB", body)
    factors = body[7 : 6 + 3 * count : 3]
    return _Frame(marker, width, height, tuple((each >> 4) * (each & 15) for each in factors))


def _is_sound(marker: int, body: bytes) -> bool:
    """Return whether a metadata segment is long enough to be read without failure."""
    if marker == 0xE0 and body.startswith(b"JFIF"):
        return len(body) >= 12
    if marker == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
        return len(body) > 14
    if marker == 0xEE and body.startswith(b"Adobe"):
        return len(body) >= 12
    # Photoshop resources do not affect pixels, and Pillow reads them without bounds checks.
    return not (marker == 0xED and body.startswith(b"Photoshop 3.0\0"))


def _check_scans(data: bytes, first: _Segment, frame: _Frame, limits: Limits) -> int:
    """Return the bytes of coefficients that a decoder holds until the last scan."""
    if not limits.rare and frame.marker not in (_BASELINE, _EXTENDED, _PROGRESSIVE):
        raise ExcessError("is a JPEG of a kind that no camera writes (arithmetic or lossless)")
    in_this = data[first.body] if first.body < len(data) else 0
    if frame.marker not in _IN_PASSES and in_this >= len(frame.components):
        return 0
    most = min(limits.max_scans, _WORK * limits.max_pixels // max(1, frame.width * frame.height))
    # Most files have few such bytes at all, and need no closer look.
    if data.count(b"\xff\xda", first.start) > most and _more_scans(data, first.end, most):
        raise ExcessError(f"has more than {most} scans")
    return frame.coefficients * _COEFFICIENT_BYTES


def _more_scans(data: bytes, at: int, most: int) -> bool:
    """Return whether there are more than `most` scans, the one that ends here included."""
    scans = 1
    for _ in range(MAX_SEGMENTS + 8 * most):
        marker = _AFTER_SCAN.search(data, at)
        if marker is None or marker[1][0] == _END or marker.end() + 2 > len(data):
            return False
        scans += marker[1][0] == _SCAN
        if scans > most:
            return True
        (length,) = struct.unpack_from(">H", data, marker.end())
        at = marker.end() + max(2, length)
    return True
