"""From a photo to a query: its descriptor, keypoints and their VLAD."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from beautylens.arrays import Float32, UInt8
from beautylens.features.encoder.base_encoder import BaseEncoder
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.features.local.vlad import VladEncoder
from beautylens.images.salient import salient_on_white
from beautylens.query import Photo, Query
from beautylens.runtime.threads import cores, one_blas_thread
from beautylens.text.ocr import Reads, shared_reader


class Describe:
    """Describes a photo by the mean descriptor of several centred views, and by its keypoints.

    A catalogue picture shows the item alone, a photo often shows it small among other things: a
    closer view has less background.

    Args:
        encoder: the one that the gallery was built with.
        views: shares of width and height that each view keeps.
        salient: whether the background of the salient item is made white first.
        local: extracts keypoints; left out, the query has none.
        vlad: encodes the strongest keypoints as one vector.
        vlad_limit: number of those keypoints, as for catalogue pictures.
        reader: returns the OCR of the photo.
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

    @one_blas_thread()
    def __call__(self, photo: Photo, limit: int = 7) -> Query:
        """Return the query of a photo, for `limit` products."""
        # On one core, so that the network has the others.
        extracted = cores().submit(self._keypoints, photo.pixels)
        pixels = salient_on_white(photo.pixels) if self._salient else photo.pixels
        descriptor = self._encoder.describe_views(pixels, self._views)
        keypoints, vlad = extracted.result()
        return Query(photo, descriptor, keypoints, vlad, limit, self._reader)

    def _keypoints(self, pixels: UInt8) -> tuple[Keypoints | None, Float32 | None]:
        if self._local is None:
            return None, None
        keypoints = self._local.extract(pixels)
        strongest = keypoints.strongest(self._vlad_limit)
        if self._vlad is None or not len(strongest):
            return keypoints, None
        return keypoints, self._vlad([strongest])[0]
