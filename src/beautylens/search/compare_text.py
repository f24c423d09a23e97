"""Text of the photo against that of catalogue pictures, at the same position: what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from rapidfuzz import fuzz

from beautylens.arrays import Float64, UInt8
from beautylens.features.colour.alignment import homogeneous
from beautylens.query import Photo, Query
from beautylens.reasons import Difference
from beautylens.results import Match, Matches
from beautylens.search.judge.evidence import CHANCE
from beautylens.search.judge.scorer import Scorer
from beautylens.search.read import all_text
from beautylens.store.gallery import Gallery
from beautylens.text.ocr import Line
from beautylens.text.recognition import (
    LINE_HEIGHT,
    LineRecogniser,
    RecognisedLine,
    shared_recogniser,
)

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
# Contradictions of less strength are not shown.
_SHOWN = 0.3


class CompareText:
    """Adds how clearly the photo's text contradicts that of a catalogue picture.

    The verified transform gives the position on the photo of every line of the catalogue picture.
    There, the recognition network tells how much more probable another text is. Sister products
    share the design, and with it most keypoints, but not the word that names them.

    The first by all evidence so far is compared, then the next, until the scorer has decided.

    Args:
        gallery: holds the lines that were read on catalogue pictures.
        longest: longer side in pixels of the photo on which keypoints were extracted.
        most: products compared at most.
        scorer: ranks by the evidence so far, and decides whether it is enough.
        recogniser: returns what recognises lines.
    """

    def __init__(
        self,
        gallery: Gallery,
        longest: int,
        most: int,
        scorer: Scorer,
        recogniser: Callable[[], LineRecogniser] = shared_recogniser,
    ) -> None:
        self._gallery, self._longest, self._most = gallery, longest, most
        self._scorer, self._recogniser = scorer, recogniser

    def __call__(self, query: Query, matches: Matches) -> Matches:
        """Return the matches in their order, with what contradicts the compared products."""
        compared: set[str] = set()
        for _ in range(self._most):
            ranked = self._scorer.rank(matches)
            left = [m for m in ranked if _is_verified(m) and _product(m) not in compared]
            # Once the first is compared, and still far ahead, the others do not matter.
            if not left or (ranked[0] is not left[0] and self._scorer.decided(matches)):
                break
            product = _product(left[0])
            pictures = [match for match in left if _product(match) == product]
            matches = self._compared(query, matches, pictures)
            compared.add(product)
        return matches

    def _compared(self, query: Query, matches: Matches, pictures: Sequence[Match]) -> Matches:
        """Compare the picture of a product with the most inliers; what it shows holds for all."""
        best = max(pictures, key=lambda match: match.reasons.inliers or 0)
        lines = self._gallery.picture_text.read([best.image_id]).get(best.image_id, ())
        differences = self._differences(query, best, lines)
        return (
            matches
            if differences is None
            else _with_differences(matches, _product(best), differences)
        )

    def _differences(
        self, query: Query, match: Match, lines: Sequence[Line]
    ) -> tuple[Difference, ...] | None:
        """Return the contradictions, strongest first; None where no line could be compared."""
        geometry = match.geometry
        transform = homogeneous(geometry.agreement.transform) if geometry else None
        if transform is None:
            return None
        scale = max(1.0, max(query.pixels.shape[:2]) / self._longest)
        onto_photo = np.diag([scale, scale, 1.0]) @ np.linalg.inv(transform)
        visible = []
        for line in _comparable(lines):
            corners = _project(line, onto_photo)
            if _is_legible(corners, query.pixels):
                visible.append((line, corners))
        if not visible:
            return None
        recognise = self._recogniser()
        differences = (
            _difference(
                query, match, lines, line, corners, recognise(_cut_out(query.pixels, corners))
            )
            for line, corners in visible
        )
        kept = [one for one in differences if one is not None]
        return tuple(sorted(kept, key=lambda one: -one.strength))


def _product(match: Match) -> str:
    return match.product.product_id


def _is_verified(match: Match) -> bool:
    return (match.reasons.inliers or 0) > CHANCE and match.geometry is not None


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


def _difference(
    query: Query,
    match: Match,
    lines: Sequence[Line],
    line: Line,
    corners: Float64,
    recognised: RecognisedLine,
) -> Difference | None:
    """Return how a line contradicts, if it does."""
    text, confidence = recognised.text()
    if len(_letters(text)) < _LEAST_LETTERS:
        return None
    strength = (
        _ramp(-recognised.log_odds(line.text) / len(line.text), _NATS)
        * _ramp(confidence, _PHOTO_CONFIDENCE)
        * _ramp(line.confidence, _CATALOGUE_CONFIDENCE)
    )
    if strength == 0:
        return None
    known = [*(each.text for each in lines), *all_text(match.product).splitlines()]
    strength *= _missing(text, known)
    # The photo is read as a whole only now, where there is something to explain.
    strength *= _missing(line.text, [each.text for each in query.lines])
    if strength == 0:
        return None
    box = _box(corners, query.photo)
    return Difference("words", _whole_line(text, query.lines), line.text, box, strength)


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


def _with_differences(
    matches: Matches, product_id: str, differences: tuple[Difference, ...]
) -> Matches:
    strongest = max((one.strength for one in differences), default=0.0)
    shown = tuple(one for one in differences if one.strength >= _SHOWN)
    rows = (
        replace(match, reasons=replace(match.reasons, contradiction=strongest, against=shown))
        if _product(match) == product_id
        else match
        for match in matches
    )
    return replace(matches, rows=tuple(rows))
