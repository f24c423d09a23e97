"""Lines of text of a catalogue picture at their positions on a photo: what agrees, what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from rapidfuzz import fuzz

from beautylens.arrays import Float64, UInt8
from beautylens.query import Photo, Query
from beautylens.reasons import Difference
from beautylens.results import Product
from beautylens.search.read import all_text
from beautylens.text.ocr import Line
from beautylens.text.recognition import LINE_HEIGHT, LineRecogniser, RecognisedLine

# Lines of a catalogue picture that are compared at most, the tallest first.
_MOST_LINES = 12
# Least letters and digits of a line that is compared.
_LEAST_LETTERS = 3
# Height in pixels on the photo below which a line cannot be read.
_LEAST_HEIGHT = 10.0
# Margin around a line, as a share of its height: no transform is exact.
_MARGIN = 0.15
# Largest distance of a line outside the photo, as a share of its sides.
_OUTSIDE = 0.05
# Width in pixels of a line for the network: longer lines are narrowed.
_LONGEST = 800
# Nats a letter by which the text of the catalogue must be less probable than what was read on the
# photo: a misread letter costs one or two, another word five or more.
_NATS = (1.0, 7.0)
# Confidence of the photo's text and of the catalogue's: from which it counts, and fully.
_PHOTO_CONFIDENCE = (0.5, 0.9)
_CATALOGUE_CONFIDENCE = (0.6, 0.9)
# Share of a text that must be missing from all text of the other picture to count fully: the
# transform may displace lines.
_MISSING = 0.4
# Letters of a text that is compared with whole words: "men" is part of "women".
_SHORT = 5
# Similarity, of 100, of a text and the part of a line that is taken for the same.
_SAME_LINE = 80
# Nats a letter by which the text of the catalogue may be less probable than what was read on the
# photo, and still agrees a little.
_AGREES = 2.0


@dataclass(frozen=True, eq=False)
class ComparedLine:
    """A line of a catalogue picture, and what the recognition network makes of its position.

    Args:
        line: of the catalogue picture.
        corners: of its position on the photo, (4, 2).
        recognised: the network's output there.
    """

    line: Line
    corners: Float64
    recognised: RecognisedLine

    @cached_property
    def text(self) -> str:
        """The most probable text on the photo."""
        return self.recognised.text()[0]

    @cached_property
    def confidence(self) -> float:
        """Confidence of the photo's text, from which it counts to fully, 0 to 1."""
        return _ramp(self.recognised.text()[1], _PHOTO_CONFIDENCE)

    @cached_property
    def nats(self) -> float:
        """Nats a letter by which the catalogue's text is less probable on the photo."""
        return -self.recognised.log_odds(self.line.text) / len(self.line.text)

    @property
    def weight(self) -> float:
        """How much the line counts: its size on the catalogue picture times its confidence."""
        return self.line.height * len(self.line.text) * _confidence(self.line)

    @property
    def agreement(self) -> float:
        """How clearly the photo has the catalogue's text, 0 to 1."""
        return _ramp(-self.nats, (-_AGREES, 0.0)) * self.confidence


def compared_lines(
    query: Query,
    lines: Sequence[Line],
    onto_photo: Float64,
    recognise: Callable[[], LineRecogniser],
) -> list[ComparedLine]:
    """Return the tallest lines of a catalogue picture that are legible on the photo.

    Args:
        query: the photo.
        lines: of the catalogue picture.
        onto_photo: (3, 3), maps pixels of the catalogue picture to those of the photo.
        recognise: returns what recognises lines; called if there is one.
    """
    positions = [(line, _project(line, onto_photo)) for line in _comparable(lines)]
    return [
        ComparedLine(line, corners, recognise()(_cut_out(query.pixels, corners)))
        for line, corners in positions
        if _is_legible(corners, query.pixels)
    ]


def agreement(compared: Sequence[ComparedLine]) -> float:
    """Return the share of the compared text that the photo has too, 0 to 1, by size."""
    total = sum(each.weight for each in compared)
    return sum(each.weight * each.agreement for each in compared) / total if total else 0.0


def differences(
    query: Query, product: Product, lines: Sequence[Line], compared: Sequence[ComparedLine]
) -> tuple[Difference, ...]:
    """Return the lines that contradict the photo, strongest first.

    Args:
        query: the photo.
        product: of the catalogue picture.
        lines: all of the catalogue picture.
        compared: those that are legible on the photo.
    """
    known = [*(line.text for line in lines), *all_text(product).splitlines()]
    found = (_difference(query, known, each) for each in compared)
    return tuple(sorted((one for one in found if one is not None), key=lambda one: -one.strength))


def _confidence(line: Line) -> float:
    return _ramp(line.confidence, _CATALOGUE_CONFIDENCE)


def _comparable(lines: Sequence[Line]) -> list[Line]:
    """Return the tallest horizontal lines that are confident and long enough to compare."""
    comparable = [
        line
        for line in lines
        if len(_letters(line.text)) >= _LEAST_LETTERS
        and line.confidence > _CATALOGUE_CONFIDENCE[0]
        and not _is_vertical(line)
    ]
    return sorted(comparable, key=lambda line: -line.height)[:_MOST_LINES]


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _is_vertical(line: Line) -> bool:
    """Return whether a line is taller than wide: it is read in one direction or the other."""
    width, height = _size(np.array(line.corners, np.float64))
    return height > width


def _size(corners: Float64) -> tuple[float, float]:
    """Return width and height of a line."""
    width, height = (float(np.hypot(*(corners[i] - corners[0]))) for i in (1, 3))
    return width, height


def _project(line: Line, transform: Float64) -> Float64:
    """Return the corners of a line on the photo with a margin, (4, 2), clockwise."""
    corners = np.array(line.corners, np.float64)
    width, height = _size(corners)
    along = (corners[1] - corners[0]) * _MARGIN * height / max(width, 1.0)
    across = (corners[3] - corners[0]) * _MARGIN
    corners = corners + np.array([-along - across, along - across, along + across, across - along])
    return np.asarray(cv2.perspectiveTransform(corners[None], transform)[0], np.float64)


def _is_legible(corners: Float64, photo: UInt8) -> bool:
    size = np.array(photo.shape[1::-1], np.float64)
    inside = (corners >= -_OUTSIDE * size) & (corners <= (1 + _OUTSIDE) * size)
    # A mirrored or folded line comes of a wrong transform.
    (x1, y1), (x2, y2) = corners[1] - corners[0], corners[3] - corners[0]
    upright = x1 * y2 - x2 * y1 > 0 and cv2.isContourConvex(corners.astype(np.float32))
    return bool(inside.all() and upright) and _size(corners)[1] >= _LEAST_HEIGHT


def _cut_out(photo: UInt8, corners: Float64) -> UInt8:
    """Return a line of the photo, upright, (48, W, 3) uint8."""
    width, height = _size(corners)
    columns = int(np.clip(round(LINE_HEIGHT * width / height), 16, _LONGEST))
    frame = np.array([[0, 0], [columns, 0], [columns, LINE_HEIGHT], [0, LINE_HEIGHT]], np.float32)
    transform = cv2.getPerspectiveTransform(corners.astype(np.float32), frame)
    line = cv2.warpPerspective(
        photo,
        transform,
        (columns, LINE_HEIGHT),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(line, np.uint8)


def _difference(query: Query, known: Sequence[str], compared: ComparedLine) -> Difference | None:
    """Return how a line contradicts, if it does; `known` is all text of the product."""
    if len(_letters(compared.text)) < _LEAST_LETTERS:
        return None
    strength = _ramp(compared.nats, _NATS) * compared.confidence * _confidence(compared.line)
    if strength == 0:
        return None
    strength *= _missing(compared.text, known)
    # The photo is read as a whole only now, where there is something to explain.
    strength *= _missing(compared.line.text, [each.text for each in query.lines])
    if strength == 0:
        return None
    box = _box(compared.corners, query.photo)
    text = _whole_line(compared.text, query.lines)
    return Difference("words", text, compared.line.text, box, strength)


def _whole_line(text: str, lines: Sequence[Line]) -> str:
    """Return the line of the photo that has this text: a longer word is cut off by the position."""
    rated = [(fuzz.partial_ratio(text, line.text), line.text) for line in lines]
    ratio, whole = max(rated, default=(0.0, text))
    return whole if ratio >= _SAME_LINE else text


def _ramp(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _missing(text: str, others: Sequence[str]) -> float:
    """Return how far a text is missing from others, 0 to 1; a part of a word is not the word."""
    letters = _letters(text)
    words = [_letters(word) for other in others for word in other.split()]
    if len(letters) <= _SHORT:
        share = max((fuzz.ratio(letters, word) for word in words), default=0.0)
    elif len(letters) <= sum(map(len, words)):
        share = fuzz.partial_ratio(letters, "".join(words))
    else:
        share = fuzz.ratio(letters, "".join(words))
    return min(1.0, (1 - share / 100) / _MISSING)


def _box(corners: Float64, photo: Photo) -> tuple[int, int, int, int]:
    """Return the rectangle around corners inside the photo, in pixels of what was sent."""
    height, width = photo.pixels.shape[:2]
    inside = np.clip(corners, 0, (width, height)) / photo.scale
    left, top = np.floor(inside.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(inside.max(axis=0)).astype(int).tolist()
    return left, top, right - left, bottom - top
