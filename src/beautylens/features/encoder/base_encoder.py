"""Base class of encoders: pictures to global descriptors, by one network or an ensemble."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.features.encoder.pooling import unit_rows
from beautylens.features.encoder.precision import Precision
from beautylens.images.decode import decode
from beautylens.images.fit import centre
from beautylens.images.sources import Picture, several_pictures
from beautylens.runtime.prefetch import batches

BATCH = 16


class BaseEncoder(ABC):
    """Computes global descriptors: `fit` prepares one picture, `describe` runs a batch of them."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name for messages."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    @abstractmethod
    def side(self) -> int:
        """Pixels of the longer side that a picture needs at most."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Digest of everything a descriptor depends on: equal digests mean equal descriptors."""

    @property
    @abstractmethod
    def precision(self) -> Precision:
        """Precision in which its networks compute."""

    @abstractmethod
    def fit(self, picture: UInt8) -> Any:
        """Return an (H, W, 3) picture as the input of `describe`."""

    @abstractmethod
    def describe(self, fitted: Sequence[Any], *, query: bool = False) -> Float32:
        """Return the descriptors (N, D) of fitted pictures, unit rows.

        Args:
            fitted: what `fit` returned of each.
            query: whether they are queries, which some published systems pool differently.
        """

    def shared_by(self, callers: int) -> BaseEncoder:
        """Return the same encoder for `callers` threads that call `describe` at the same time."""
        return self

    def __call__(self, pictures: Picture | Iterable[Picture]) -> Float32:
        """Return the descriptors of pictures, one or several: (N, D) float32, unit rows."""
        each = several_pictures(pictures)
        fitted = (self.fit(decode(picture, least_side=self.side)) for picture in each)
        rows = [self.describe(batch) for batch in batches(fitted, BATCH)]
        return np.concatenate(rows) if rows else np.empty((0, self.dimensions), np.float32)

    def describe_views(self, picture: UInt8, views: Sequence[float]) -> Float32:
        """Return one descriptor (D,) of a query, the normalised mean over centred crops.

        Args:
            picture: (H, W, 3) uint8 RGB.
            views: share of width and height of each crop; 1 is the whole picture.
        """
        fitted = [self.fit(centre(picture, share)) for share in views]
        return unit_rows(self.describe(fitted, query=True).sum(axis=0))

    @cached_property
    def dimensions(self) -> int:
        """Length D of a descriptor."""
        blank = np.zeros((self.side, self.side, 3), np.uint8)
        return int(self.describe([self.fit(blank)]).shape[1])
