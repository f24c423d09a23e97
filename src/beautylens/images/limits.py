"""Limits of pictures that are accepted."""

from __future__ import annotations

from dataclasses import dataclass

from beautylens.images.fit import MIN_SIDE
from beautylens.inputs.several import several

# The supported formats, by file suffix.
KINDS = (".jpg", ".png", ".webp", ".avif", ".heic", ".gif", ".tif", ".bmp")


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a picture, beyond which it is refused.

    Args:
        max_bytes: of the file.
        max_pixels: of the picture as it is decoded.
        max_jpeg_pixels: of a JPEG, which is decoded at 1/2, 1/4 or 1/8 of its size if needed to
            keep `max_pixels`.
        max_decoded: bytes of memory for decoding, by the file's header.
        max_scans: of a progressive JPEG.
        min_side: least pixels of the shorter side.
        kinds: accepted formats, of `KINDS`.
        rare: whether variants of formats are accepted that no camera, phone or shop writes.
    """

    max_bytes: int = 64 << 20
    max_pixels: int = 100_000_000
    max_jpeg_pixels: int = 250_000_000
    max_decoded: int = 4 << 30
    max_scans: int = 1000
    min_side: int = MIN_SIDE
    kinds: tuple[str, ...] = KINDS
    rare: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", several(self.kinds))


DEFAULT_LIMITS = Limits()
