"""Colour between candidates that are otherwise alike: it decides shades of one product line."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from beautylens.arrays import Float64
from beautylens.features.colour.alignment import Aligned, homogeneous, refine_alignment, warp
from beautylens.features.colour.difference import ColourComparison, compare_colours
from beautylens.features.local.features import LocalFeatures
from beautylens.features.local.keypoints import Keypoints
from beautylens.images.cutout import item_cover
from beautylens.images.fit import shrink
from beautylens.images.thumbnail import Thumbnail
from beautylens.query import Query
from beautylens.results import Geometry, Match, Matches
from beautylens.search.judge.evidence import CHANCE
from beautylens.store.gallery import Gallery

_CLOSE = 0.35
"""Share of the most inliers from which on geometry does not tell a candidate from the best."""
_SAME_LAYOUT = 10
"""Inliers between two studio pictures that place one on the other better than the photo would."""
_PLACING = 200
"""Keypoints with which a studio picture is placed on another one: as sharp, they need fewer."""


class CompareColour:
    """Colours of the best candidates against the photo's, cell by cell, the light taken out.

    Args:
        gallery: holds keypoints and thumbnails.
        local: compares keypoints.
        most: pictures that are compared at most.
    """

    def __init__(self, gallery: Gallery, local: LocalFeatures, most: int) -> None:
        self._gallery, self._local, self._most = gallery, local, most

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches in their order, the compared ones with their colour difference."""
        compared = self._compared(query, matches)
        if compared is None:
            return matches
        differences = compared.cell_colours.differences.tolist()
        found = dict(zip(compared.image_ids, differences, strict=True))
        rows = tuple(_with_colour(match, found.get(match.image_id)) for match in matches)
        return replace(matches, rows=rows, colours=compared)

    def _compared(self, query: Query, matches: Matches) -> ColourComparison | None:
        """Return the comparison of those matches that geometry cannot tell apart; None for none."""
        group = [match for match in alike(matches, self._most) if match.geometry is not None]
        if not group:
            return None
        thumbnails = self._gallery.rows.thumbnails([match.image_id for match in group])
        first, geometry = thumbnails.get(group[0].image_id), group[0].geometry
        transform = homogeneous(geometry.agreement.transform) if geometry else None
        if first is None or geometry is None or transform is None:
            return None
        aligned = [(group[0].image_id, _warp_thumbnail(first, np.eye(3), first))]
        for match in group[1:]:
            thumbnail = thumbnails.get(match.image_id)
            move = self._move(match.geometry, geometry.keypoints, transform)
            if thumbnail is not None and move is not None:
                aligned.append((match.image_id, _warp_thumbnail(thumbnail, move, first)))
        photo = _warp_photo(query.pixels, transform, first, self._local.longest)
        image_ids, pictures = zip(*aligned, strict=True)
        cells = compare_colours(photo, pictures) if len(image_ids) > 1 else None
        if cells is None or math.isnan(float(cells.differences[0])):
            return None
        return ColourComparison(image_ids, photo, pictures, cells)

    def _move(
        self, geometry: Geometry | None, first: Keypoints, transform: Float64
    ) -> Float64 | None:
        """Return what takes a picture's keypoints to those of the first picture.

        Directly where both share a layout, else by way of the photo.
        """
        if geometry is None:
            return None
        own = geometry.keypoints.strongest(_PLACING)
        direct = self._local.compare(own, first.strongest(_PLACING))
        if direct.count >= _SAME_LAYOUT:
            return homogeneous(direct.transform)
        seen = homogeneous(geometry.agreement.transform)
        return None if seen is None else transform @ np.linalg.inv(seen)


def alike(matches: Matches, most: int) -> tuple[Match, ...]:
    """Return the `most` matches between which geometry decides least, most inliers first.

    None where fewer than two products are among them: then there is nothing to tell apart.
    """
    best = max((match.reasons.inliers or 0 for match in matches), default=0)
    least = max(CHANCE, _CLOSE * best)
    group = [match for match in matches if (match.reasons.inliers or 0) >= least]
    group = sorted(group, key=lambda match: -(match.reasons.inliers or 0))[:most]
    return tuple(group) if len({match.product.product_id for match in group}) > 1 else ()


def _with_colour(match: Match, colour: float | None) -> Match:
    return (
        match
        if colour is None
        else replace(match, reasons=replace(match.reasons, colour=round(colour, 2)))
    )


def _warp_thumbnail(thumbnail: Thumbnail, move: Float64, first: Thumbnail) -> Aligned:
    """Return a thumbnail warped onto the first; `move` is between the pictures of keypoints."""
    scaled = _sized(first.scale) @ move @ _sized(1 / thumbnail.scale)
    cover = np.asarray(cv2.erode(item_cover(thumbnail.pixels), np.ones((3, 3))), np.uint8)
    return warp(thumbnail.pixels, cover, scaled, first.pixels.shape[1::-1])


def _warp_photo(
    photo: NDArray[np.uint8], transform: Float64, first: Thumbnail, longest: int
) -> Aligned:
    pixels, _ = shrink(photo, longest)
    whole = np.full(pixels.shape[:2], 255, np.uint8)
    size = first.pixels.shape[1::-1]
    warped = warp(pixels, whole, _sized(first.scale) @ transform, size)
    return refine_alignment(warped, first.pixels)


def _sized(scale: float) -> NDArray[np.float64]:
    return np.diag([scale, scale, 1.0])
