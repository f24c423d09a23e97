"""The studio scene: a white canvas with painted parts and a soft shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.sample.colour import RGB
from beautylens.sample.surfaces import SCALE, Part, curved_wall, rim_ellipse

# Side of a finished studio picture, in pixels.
SIDE = 640

# Horizontal position of an item's axis in pixels.
MIDDLE = 320.0
# Vertical position of the table in pixels.
TABLE = 588.0

# Longer side of the item in a finished picture, in pixels.
_ITEM_SIDE = 552

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class View:
    """The view of the camera.

    yaw is the rotation of the item about its axis in radians; camera the ratio of height to width
    of a round rim's ellipse; tilt the rotation of the whole picture in degrees; back shows the
    side with the barcode, if the form has one.
    """

    yaw: float = 0.0
    camera: float = 0.09
    tilt: float = 0.0
    shadow: bool = True
    back: bool = False


STUDIO = View()


def _blank() -> UInt8:
    return np.full((SIDE * SCALE, SIDE * SCALE, 3), 255, np.uint8)


def _uncovered() -> UInt8:
    return np.zeros((SIDE * SCALE, SIDE * SCALE), np.uint8)


@dataclass(slots=True)
class Stage:
    """A canvas and the mask of the item; positions are in pixels of the finished picture."""

    view: View = STUDIO
    canvas: UInt8 = field(default_factory=_blank)
    cover: UInt8 = field(default_factory=_uncovered)

    def paint(
        self, layer: UInt8, mask: UInt8, left: float, top: float, opacity: float = 1.0
    ) -> None:
        """Paint a supersampled layer on the canvas inside its mask (0 or 255)."""
        x, y = round(left * SCALE), round(top * SCALE)
        from_x, from_y = max(-x, 0), max(-y, 0)
        height = min(mask.shape[0], self.cover.shape[0] - y) - from_y
        width = min(mask.shape[1], self.cover.shape[1] - x) - from_x
        if height <= 0 or width <= 0:
            return
        source = np.s_[from_y : from_y + height, from_x : from_x + width]
        target = np.s_[y + from_y : y + from_y + height, x + from_x : x + from_x + width]
        layer, mask = layer[source], mask[source]
        if opacity < 1:
            below = self.canvas[target]
            layer = np.asarray(cv2.addWeighted(layer, opacity, below, 1 - opacity, 0), np.uint8)
        cv2.copyTo(layer, mask, self.canvas[target])
        np.maximum(self.cover[target], mask, out=self.cover[target])

    def stand(self, x: float, bottom: float, parts: Sequence[Part]) -> None:
        """Draw rotationally symmetric parts, from top to bottom, on the table around `x`."""
        top = bottom
        for part in reversed(parts):
            top -= part.height
            ends = part.profile(np.asarray([0, 1], np.float32))
            face, face_mask = rim_ellipse(float(ends[0]), self.view.camera, part.colour)
            self._paint_about(x, top - ends[0] * self.view.camera, face, face_mask)
            wall, wall_mask = curved_wall(part, self.view.camera, self.view.yaw)
            self._paint_about(x, top, wall, wall_mask)

    def _paint_about(self, x: float, top: float, layer: UInt8, mask: UInt8) -> None:
        self.paint(layer, mask, x - mask.shape[1] / 2 / SCALE, top)

    def face(self, texture: UInt8, corners: Sequence[Point], *, gain: float = 1.0) -> None:
        """Warp a texture to a quadrilateral (clockwise from top left), multiplied by gain."""
        height, width = texture.shape[:2]
        target = np.asarray(corners, np.float32) * SCALE
        origin = np.floor(target.min(axis=0))
        size = np.ceil(target.max(axis=0) - origin).astype(int) + 1
        flat = np.asarray([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        warp = cv2.getPerspectiveTransform(flat, (target - origin).astype(np.float32))
        drawn = cv2.warpPerspective(texture, warp, size.tolist(), borderMode=cv2.BORDER_REPLICATE)
        if gain != 1.0:
            drawn = cv2.convertScaleAbs(drawn, alpha=gain)
        mask = np.zeros(drawn.shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, np.round(target - origin).astype(np.int32), 255)
        left, top = origin / SCALE
        self.paint(np.asarray(drawn, np.uint8), mask, float(left), float(top))

    def polygon(self, corners: Sequence[Point], colour: RGB) -> None:
        """Fill a polygon with one colour."""
        points = np.round(np.asarray(corners) * SCALE).astype(np.int32)
        cv2.fillPoly(self.canvas, [points], colour)
        cv2.fillPoly(self.cover, [points], 255)

    def ellipse(self, centre: Point, reach: Point, colour: RGB, *, tilt: float = 0.0) -> None:
        """Fill an ellipse with the half-axes `reach`, rotated by `tilt` degrees."""
        middle = (round(centre[0] * SCALE), round(centre[1] * SCALE))
        axes = (round(reach[0] * SCALE), round(reach[1] * SCALE))
        cv2.ellipse(self.canvas, middle, axes, tilt, 0, 360, colour, -1)
        cv2.ellipse(self.cover, middle, axes, tilt, 0, 360, 255, -1)

    def stroke(self, points: Sequence[Point], colour: RGB, width: float) -> None:
        """Draw a line through the points."""
        path = np.round(np.asarray(points) * SCALE).astype(np.int32)
        for surface, tone in ((self.canvas, colour), (self.cover, 255)):
            cv2.polylines(surface, [path], False, tone, max(round(width * SCALE), 1))

    def turn(self, degrees: float, factor: float = 1.0) -> None:
        """Rotate the canvas about its centre, and scale it."""
        side = SIDE * SCALE
        warp = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, factor)
        white = (255, 255, 255)
        self.canvas = np.asarray(
            cv2.warpAffine(self.canvas, warp, (side, side), borderValue=white), np.uint8
        )
        turned = cv2.warpAffine(self.cover, warp, (side, side))
        self.cover = ((turned > 127) * np.uint8(255)).astype(np.uint8)

    def picture(self) -> UInt8:
        """Return the finished picture, (SIDE, SIDE, 3) uint8 RGB: the item fills the frame."""
        small, cover = self._framed()
        if not self.view.shadow:
            return small
        light = 255 - cv2.multiply(_shadow(cover), 255 - cover, scale=1 / 255)
        return np.asarray(cv2.multiply(small, cv2.merge([light] * 3), scale=1 / 255), np.uint8)

    def _framed(self) -> tuple[UInt8, UInt8]:
        """Return item and mask, resized to the finished size and centred."""
        x, y, width, height = cv2.boundingRect(self.cover)
        zoom = min(_ITEM_SIDE / max(width, height, 1), 1.0)
        size = (max(round(width * zoom), 1), max(round(height * zoom), 1))
        left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        window = np.s_[top : top + size[1], left : left + size[0]]
        picture = np.full((SIDE, SIDE, 3), 255, np.uint8)
        cover = np.zeros((SIDE, SIDE), np.uint8)
        if width and height:
            item = np.s_[y : y + height, x : x + width]
            picture[window] = cv2.resize(self.canvas[item], size, interpolation=cv2.INTER_AREA)
            cover[window] = cv2.resize(self.cover[item], size, interpolation=cv2.INTER_AREA)
        return picture, cover


def _shadow(cover: UInt8) -> UInt8:
    """Return the shadow of the item on the table: a soft halo and a contact shadow."""
    low = cv2.resize(cover, (SIDE // 4, SIDE // 4), interpolation=cv2.INTER_AREA)
    contact = np.zeros_like(low)
    columns = np.flatnonzero((low > 127).any(axis=0))
    if columns.size:
        lowest = low.shape[0] - 1 - np.argmax(low[::-1, columns] > 127, axis=0)
        resting = lowest >= lowest.max() - 6
        contact[np.clip(lowest[resting] + 1, 0, low.shape[0] - 1), columns[resting]] = 255
    contact = cv2.GaussianBlur(cv2.dilate(contact, np.ones((3, 5), np.uint8)), (0, 0), 2.2)
    halo = cv2.GaussianBlur(np.roll(low, 3, axis=0), (0, 0), 5)
    dark = cv2.addWeighted(contact, 0.42, halo, 0.2, 0)
    return np.asarray(cv2.resize(dark, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)
