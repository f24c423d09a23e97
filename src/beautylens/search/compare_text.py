"""Text of the photo against that of catalogue pictures, at the same position: what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
from rapidfuzz import fuzz

from beautylens.arrays import Float64, UInt8
from beautylens.features.colour.alignment import homogeneous
from beautylens.query import Query
from beautylens.results import Difference, Match, Matches
from beautylens.search.judge.evidence import CHANCE
from beautylens.search.judge.scorer import Scorer
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
# Letters and digits of a line that says something.
_LEAST_LETTERS = 3
# Height in pixels on the photo below which a line cannot be read.
_LEAST_HEIGHT = 10.0
# Margin around a line, as a share of its height: no transform is exact.
_MARGIN = 0.15
# How far a line may lie outside the photo, as a share of its sides.
_OUTSIDE = 0.05
_LONGEST = 1600
# Nats a letter by which the text of the catalogue must be less probable than what was read on the
# photo: a misread letter costs one or two, another word five or more.
_NATS = (1.0, 7.0)
# Confidence of the photo's text and of the catalogue's: from where on it counts, and fully.
_PHOTO_CONFIDENCE = (0.5, 0.9)
_CATALOGUE_CONFIDENCE = (0.6, 0.9)
# Share of a text that must be missing from all text of the other side to count fully: where lines
# are displaced, a text stands elsewhere.
_MISSING = 0.4
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
        most: pictures compared at most.
        scorer: ranks by the evidence so far, and tells whether it is enough.
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
        """Return the matches in their order, compared ones with what contradicts them."""
        compared: set[str] = set()
        for _ in range(self._most):
            ranked = self._scorer.rank(matches)
            left = [m for m in ranked if _is_verified(m) and m.image_id not in compared]
            # Once the first is compared, and still far ahead, the others do not matter.
            if not left or (ranked[0] is not left[0] and self._scorer.decided(matches)):
                break
            matches = self._compared(query, matches, left[0])
            compared.add(left[0].image_id)
        return matches

    def _compared(self, query: Query, matches: Matches, match: Match) -> Matches:
        lines = self._gallery.picture_text.read([match.image_id]).get(match.image_id, ())
        differences = self._differences(query, match, lines)
        return (
            matches
            if differences is None
            else _with_differences(matches, match.image_id, differences)
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
        for line in _telling(lines):
            corners = _project(line, onto_photo)
            if _is_legible(corners, query.pixels):
                visible.append((line, corners))
        if not visible:
            return None
        crops = [_cut_out(query.pixels, corners) for _, corners in visible]
        pairs = zip(visible, self._recogniser()(crops), strict=True)
        differences = (
            _difference(query, match, lines, line, corners, recognised)
            for (line, corners), recognised in pairs
        )
        kept = [one for one in differences if one is not None]
        return tuple(sorted(kept, key=lambda one: -one.strength))


def _is_verified(match: Match) -> bool:
    return (match.reasons.inliers or 0) > CHANCE and match.geometry is not None


def _telling(lines: Sequence[Line]) -> list[Line]:
    telling = [
        line
        for line in lines
        if len(_letters(line.text)) >= _LEAST_LETTERS and line.confidence > _CATALOGUE_CONFIDENCE[0]
    ]
    return sorted(telling, key=lambda line: -line.height)[:_MOST_LINES]


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _project(line: Line, transform: Float64) -> Float64:
    """Return the corners of a line on the photo with a margin, (4, 2), the first above its start.

    A line that is taller than wide is vertical text, which is read from bottom to top or from top
    to bottom; its corners start where RapidOCR turns it.
    """
    corners = np.array(line.corners, np.float64)
    width, height = (float(np.hypot(*(corners[i] - corners[0]))) for i in (1, 3))
    if height > 1.5 * width:
        corners, width, height = np.roll(corners, 1, axis=0), height, width
    along = (corners[1] - corners[0]) * _MARGIN * height / max(width, 1.0)
    across = (corners[3] - corners[0]) * _MARGIN
    corners = corners + np.array([-along - across, along - across, along + across, across - along])
    return np.asarray(cv2.perspectiveTransform(corners[None], transform)[0], np.float64)


def _is_legible(corners: Float64, photo: UInt8) -> bool:
    size = np.array(photo.shape[1::-1], np.float64)
    inside = (corners >= -_OUTSIDE * size) & (corners <= (1 + _OUTSIDE) * size)
    height = float(np.hypot(*(corners[3] - corners[0])))
    return bool(inside.all()) and height >= _LEAST_HEIGHT


def _cut_out(photo: UInt8, corners: Float64) -> UInt8:
    """Return a line of the photo, upright, (48, W, 3) uint8."""
    width, height = (float(np.hypot(*(corners[i] - corners[0]))) for i in (1, 3))
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
    product = match.product
    known = [*(each.text for each in lines), product.brand, product.name]
    strength *= _missing(text, known)
    # The photo is read as a whole only now, where there is something to explain.
    strength *= _missing(line.text, [each.text for each in query.lines])
    if strength == 0:
        return None
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    box = (left, top, right - left, bottom - top)
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
    """Return how far a text is missing from others, 0 to 1."""
    letters, all_letters = _letters(text), "".join(map(_letters, others))
    if len(letters) <= len(all_letters):
        share = fuzz.partial_ratio(letters, all_letters) / 100
    else:
        share = fuzz.ratio(letters, all_letters) / 100
    return min(1.0, (1 - share) / _MISSING)


def _with_differences(
    matches: Matches, image_id: str, differences: tuple[Difference, ...]
) -> Matches:
    strongest = max((one.strength for one in differences), default=0.0)
    shown = tuple(one for one in differences if one.strength >= _SHOWN)
    rows = (
        replace(match, reasons=replace(match.reasons, contradiction=strongest, against=shown))
        if match.image_id == image_id
        else match
        for match in matches
    )
    return replace(matches, rows=tuple(rows))
