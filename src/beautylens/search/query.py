"""A query photo on its way through a search: pixels, what came of them, and the time spent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from beautylens.features.local.features import Agreement, LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.search.compared import Compared
from beautylens.text.ocr import Line
from beautylens.threads import cores


@dataclass(slots=True)
class Photo:
    """One query.

    Args:
        pixels: (H, W, 3) uint8 RGB, cropped where the user cropped it.
        where: SQL condition that every match must meet.
        words: what the user typed to narrow the search.
        descriptor: (D,) float32, unit length, once the photo has been encoded.
        aggregate: (D,) float32, unit length, where its keypoints have been aggregated.
        keypoints: once they have been taken.
        lines: what has been read off the pack.
        barcodes: GTINs of fourteen digits that have been read off it.
        agreements: by image id, the keypoints of a picture and what they have in common with these.
        compared: its colours beside those of matches that are alike, where these were compared.
        coming: its keypoints, where another thread is taking them.
        milliseconds: the time spent, by stage.
    """

    pixels: NDArray[np.uint8]
    where: str | None = None
    words: str = ""
    descriptor: NDArray[np.float32] | None = None
    aggregate: NDArray[np.float32] | None = None
    keypoints: Keypoints | None = None
    lines: tuple[Line, ...] = ()
    barcodes: tuple[str, ...] = ()
    agreements: dict[str, tuple[Keypoints, Agreement]] = field(default_factory=dict)
    compared: Compared | None = None
    coming: Future[Keypoints] | None = None
    milliseconds: dict[str, float] = field(default_factory=dict)

    def begin_keypoints(self, local: LocalFeatures) -> None:
        """Have the keypoints taken by another thread while this one goes on."""
        if self.keypoints is None and self.coming is None:
            self.coming = cores().submit(local.extract, self.pixels)

    def take_keypoints(self, local: LocalFeatures) -> Keypoints:
        """Return the photo's keypoints, taken once however many steps ask for them."""
        if self.keypoints is None:
            with self.timed("keypoints"):
                coming = self.coming
                self.keypoints = coming.result() if coming else local.extract(self.pixels)
        return self.keypoints

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time spent inside to a stage, in milliseconds."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - start) * 1000
            self.milliseconds[stage] = self.milliseconds.get(stage, 0.0) + spent
