"""From a photo to a query: descriptor, keypoints and their VLAD, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.vlad import VladEncoder
from beautylens.images.salient import salient_on_white
from beautylens.query import Photo, Query
from beautylens.runtime.threads import cores
from beautylens.text.ocr import Reads, shared_reader


class Describe:
    """Describes a photo by the mean descriptor of several centred views, and by its keypoints.

    A catalogue picture shows the item alone, a photo often shows it small among other things: the
    closer views look past the surroundings, at the price of a somewhat larger batch.

    Args:
        encoder: the one that the gallery was built with.
        views: shares of width and height that each view keeps.
        salient: whether all but the photo's salient item is painted white first.
        local: takes keypoints; without it there are none.
        vlad: makes one vector of as many of the strongest keypoints as `vlad_limit` says.
        vlad_limit: as many as the gallery keeps of a picture.
        reader: returns what reads the words on the pack.
    """

    def __init__(
        self,
        encoder: BaseEncoder,
        views: Sequence[float] = (1.0,),
        *,
        salient: bool = False,
        local: LocalFeatures | None = None,
        vlad: VladEncoder | None = None,
        vlad_limit: int = 0,
        reader: Callable[[], Reads] = shared_reader,
    ) -> None:
        self._encoder, self._views, self._salient = encoder, views, salient
        self._local, self._vlad, self._vlad_limit = local, vlad, vlad_limit
        self._reader = reader

    def __call__(self, photo: Photo, limit: int = 7) -> Query:
        """Return the query that a photo makes, for so many products."""
        # Keypoints take one core, and leave the network what they can.
        coming = cores().submit(self._keypoints, photo.pixels)
        pixels = salient_on_white(photo.pixels) if self._salient else photo.pixels
        descriptor = self._encoder.describe_views(pixels, self._views)
        keypoints, vlad = coming.result()
        return Query(photo, descriptor, keypoints, vlad, limit, self._reader)

    def _keypoints(
        self, pixels: NDArray[np.uint8]
    ) -> tuple[Keypoints | None, NDArray[np.float32] | None]:
        if self._local is None:
            return None, None
        keypoints = self._local.extract(pixels)
        strongest = keypoints.strongest(self._vlad_limit)
        if self._vlad is None or not len(strongest):
            return keypoints, None
        return keypoints, self._vlad([strongest])[0]
