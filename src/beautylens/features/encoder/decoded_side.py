"""The size at which pictures are decoded, the same for indexing, searching and training."""

from __future__ import annotations

from collections.abc import Sequence


def decoded_side(
    side: int, longest: int = 0, *, views: Sequence[float] = (1.0,), text_side: int = 0
) -> int:
    """Return the pixels that the longer side of a decoded picture keeps.

    A JPEG may be decoded at half its size or less, which changes its pixels and hence its
    descriptor, so whatever compares descriptors must decode by this function.

    Args:
        side: input side of the encoder.
        longest: longer side at which keypoints are extracted; 0 for none.
        views: shares of width and height of the centred crops that are described.
        text_side: longer side at which text is read; 0 if none is.
    """
    return round(max(max(side, longest) / min(views), text_side))
