"""What turns pictures into global descriptors: one encoder, or several as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from beautylens.arrays import Float32, UInt8
from beautylens.features.encoder.openvino import Precision
from beautylens.features.encoder.pooling import unit_rows
from beautylens.images.ahead import batches
from beautylens.images.decode import decode
from beautylens.images.fit import centre
from beautylens.images.sources import Picture

BATCH = 16


class BaseEncoder(ABC):
    """Pictures in, unit rows out; what lies between is fitted one by one, described in batches."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called in messages."""

    @property
    @abstractmethod
    def side(self) -> int:
        """Pixels of a picture's longer side that it has use for."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A digest of everything that a descriptor depends on: two of them agree or differ."""

    @property
    @abstractmethod
    def precision(self) -> Precision:
        """The precision that its networks compute in."""

    @abstractmethod
    def fit(self, picture: UInt8) -> Any:
        """Return an (H, W, 3) picture as `describe` takes it."""

    @abstractmethod
    def describe(self, fitted: Sequence[Any], *, query: bool = False) -> Float32:
        """Return the descriptors (N, D) of fitted pictures, unit rows.

        Args:
            fitted: what `fit` returned of each.
            query: they are views of a query, which some published systems pool differently.
        """

    def shared_by(self, callers: int) -> BaseEncoder:
        """Return the same encoder, made for so many threads that call `describe` at once."""
        return self

    def __call__(self, pictures: Sequence[Picture]) -> Float32:
        """Return the descriptors of pictures: (N, D) float32, unit rows."""
        fitted = (self.fit(decode(picture, least_side=self.side)) for picture in pictures)
        rows = [self.describe(batch) for batch in batches(fitted, BATCH)]
        return np.concatenate(rows) if rows else np.empty((0, self.dimensions), np.float32)

    def describe_views(self, picture: UInt8, views: Sequence[float]) -> Float32:
        """Return one descriptor (D,), the unit mean of those of centred crops of a query.

        Args:
            picture: (H, W, 3) uint8 RGB.
            views: shares of width and height that each crop keeps; 1 is the whole picture.
        """
        fitted = [self.fit(centre(picture, share)) for share in views]
        return unit_rows(self.describe(fitted, query=True).sum(axis=0))

    @cached_property
    def dimensions(self) -> int:
        """The length D of a descriptor."""
        blank = np.zeros((self.side, self.side, 3), np.uint8)
        return int(self.describe([self.fit(blank)]).shape[1])
