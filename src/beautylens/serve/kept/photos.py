"""Photos as they are kept: re-encoded, without metadata."""

from __future__ import annotations

from beautylens.arrays import UInt8
from beautylens.images.draw import to_jpeg
from beautylens.images.fit import shrink

# Longer side of a stored photo in pixels; as large as the page sends.
LONGEST_SIDE = 2000
_QUALITY = 92


def encoded_photo(pixels: UInt8) -> bytes:
    """Return a photo (H, W, 3) as a JPEG without location, time or device."""
    return to_jpeg(shrink(pixels, LONGEST_SIDE)[0], _QUALITY)
