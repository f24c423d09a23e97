"""Colour comparison of candidates that geometry does not decide between, such as shades."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from beautylens.arrays import Float64, UInt8
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

# Share of the highest inlier count from which on a candidate is compared.
_CLOSE = 0.35
# Inliers from which on two studio pictures are aligned directly, more precisely than by the photo.
_SAME_LAYOUT = 10
# Keypoints by which two studio pictures are aligned; both are sharp, so few are enough.
_ALIGNING = 200


class CompareColour:
    """Compares the colours of the best candidates with the photo's, cell by cell, after relighting.

    Args:
        gallery: holds keypoints and thumbnails.
        local: matches and verifies keypoints.
        most: pictures to compare at most.
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
        """Return the colour comparison of the ambiguous matches; None if there is none to make."""
        group = [match for match in ambiguous(matches, self._most) if match.geometry is not None]
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
            to_first = self._to_first(match.geometry, geometry.keypoints, transform)
            if thumbnail is not None and to_first is not None:
                aligned.append((match.image_id, _warp_thumbnail(thumbnail, to_first, first)))
        photo = _warp_photo(query.pixels, transform, first, self._local.longest)
        image_ids, pictures = zip(*aligned, strict=True)
        cells = compare_colours(photo, pictures) if len(image_ids) > 1 else None
        if cells is None or math.isnan(float(cells.differences[0])):
            return None
        return ColourComparison(image_ids, photo, pictures, cells)

    def _to_first(
        self, geometry: Geometry | None, first: Keypoints, transform: Float64
    ) -> Float64 | None:
        """Return the (3, 3) transform from a picture to the first one, in keypoint coordinates.

        Estimated directly if both share a layout, otherwise composed of their transforms from the
        photo.
        """
        if geometry is None:
            return None
        own = geometry.keypoints.strongest(_ALIGNING)
        direct = self._local.compare(own, first.strongest(_ALIGNING))
        if direct.count >= _SAME_LAYOUT:
            return homogeneous(direct.transform)
        from_photo = homogeneous(geometry.agreement.transform)
        return None if from_photo is None else transform @ np.linalg.inv(from_photo)


def ambiguous(matches: Matches, most: int) -> tuple[Match, ...]:
    """Return the matches that geometry does not decide between, at most `most`, by inlier count.

    None if all of them show one product.
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


def _warp_thumbnail(thumbnail: Thumbnail, transform: Float64, first: Thumbnail) -> Aligned:
    """Return a thumbnail warped onto the first, by a transform in keypoint coordinates."""
    scaled = _scaling(first.scale) @ transform @ _scaling(1 / thumbnail.scale)
    cover = np.asarray(cv2.erode(item_cover(thumbnail.pixels), np.ones((3, 3))), np.uint8)
    return warp(thumbnail.pixels, cover, scaled, first.pixels.shape[1::-1])


def _warp_photo(photo: UInt8, transform: Float64, first: Thumbnail, longest: int) -> Aligned:
    pixels, _ = shrink(photo, longest)
    whole = np.full(pixels.shape[:2], 255, np.uint8)
    size = first.pixels.shape[1::-1]
    warped = warp(pixels, whole, _scaling(first.scale) @ transform, size)
    return refine_alignment(warped, first.pixels)


def _scaling(scale: float) -> Float64:
    return np.diag([scale, scale, 1.0])
