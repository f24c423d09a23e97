"""What a picture may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

from beautylens.images.fit import LEAST_SIDE

# The formats that are read, by the suffix of their files.
KINDS = (".jpg", ".png", ".webp", ".avif", ".heic", ".gif", ".tif", ".bmp")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a picture may cost before it is refused.

    Args:
        max_bytes: of the file.
        max_pixels: of the picture as it is decoded.
        max_jpeg_pixels: of a JPEG, which is decoded at 1/2, 1/4 or 1/8 of its size where that is
            needed to keep to `max_pixels`.
        max_decoded: bytes of memory that decoding may take, by the file's own header.
        max_scans: of a progressive JPEG.
        min_side: pixels of the shorter side, at least.
        kinds: the formats that are taken, as in `KINDS`.
        rare: whether sub-formats are taken that no camera, phone or shop writes.
    """

    max_bytes: int = 64 << 20
    max_pixels: int = 100_000_000
    max_jpeg_pixels: int = 250_000_000
    max_decoded: int = 4 << 30
    max_scans: int = 1000
    min_side: int = LEAST_SIDE
    kinds: tuple[str, ...] = KINDS
    rare: bool = True


DEFAULT_LIMITS = Limits()
