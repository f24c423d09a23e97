"""Several photos of one product: the evidence of all of them for each catalogue picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from beautylens.reasons import Reasons
from beautylens.results import Match, Matches

# Photos of one product at most.
MOST_PHOTOS = 5

Value = TypeVar("Value", float, int)


def together(found: Sequence[Matches]) -> Matches:
    """Return the evidence of several photos of one product, before a scorer ranks it.

    Of each kind of evidence the strongest of all photos counts, so that a burst says no more than
    its best photo, and a photo of the back adds its barcode and words while its lack of keypoints
    that agree says nothing. Evidence against from any photo counts.

    Args:
        found: the matches of each photo with their evidence; at least one photo.
    """
    # Text can be outlined, and colours compared, on one photo only: that with the most inliers.
    main = max(found, key=_most_inliers)
    known = {match.image_id: match for match in main}
    by_image: dict[str, list[Match]] = {name: [match] for name, match in known.items()}
    for match in chain.from_iterable(each for each in found if each is not main):
        by_image.setdefault(match.image_id, []).append(match)
    stages = dict.fromkeys(chain.from_iterable(each.milliseconds for each in found))
    spent = {stage: sum(each.milliseconds.get(stage, 0.0) for each in found) for stage in stages}
    return replace(
        main.with_rows(_merged(rows, known.get(name)) for name, rows in by_image.items()),
        codes=tuple(dict.fromkeys(chain.from_iterable(each.codes for each in found))),
        milliseconds=spent,
    )


def _most_inliers(matches: Matches) -> int:
    return max((match.reasons.inliers or 0 for match in matches), default=0)


def _merged(rows: Sequence[Match], of_main: Match | None) -> Match:
    """Return a catalogue picture with the strongest evidence of all photos.

    Args:
        rows: of the photos that found it, the main one first.
        of_main: that of the main photo, if it found the picture.
    """
    agreeing = max(rows, key=lambda row: row.reasons.inliers or 0)
    reasons = _strongest([row.reasons for row in rows])
    against = [
        each if of_main is not None and each in of_main.reasons.against else replace(each, box=None)
        for each in reasons.against
    ]
    # Light shifts all colours of a photo: those of different photos cannot be compared.
    colour = None if of_main is None else of_main.reasons.colour
    return replace(
        rows[0],
        score=max(row.score for row in rows),
        reasons=replace(reasons, colour=colour, against=tuple(against)),
        refined=_known(min, (row.refined for row in rows)),
        geometry=agreeing.geometry,
    )


def _strongest(reasons: Sequence[Reasons]) -> Reasons:
    coded = next((why for why in reasons if why.barcode), reasons[0])
    against = dict.fromkeys(chain.from_iterable(why.against for why in reasons))
    return Reasons(
        visual=_known(max, (why.visual for why in reasons)),
        local=_known(max, (why.local for why in reasons)),
        inliers=_known(max, (why.inliers for why in reasons)),
        text=_known(max, (why.text for why in reasons)),
        typed=_known(max, (why.typed for why in reasons)),
        words=tuple(dict.fromkeys(chain.from_iterable(why.words for why in reasons))),
        barcode=coded.barcode,
        batch=coded.batch,
        expiry=coded.expiry,
        text_agreement=_known(max, (why.text_agreement for why in reasons)),
        contradiction=_known(max, (why.contradiction for why in reasons)),
        against=tuple(sorted(against, key=lambda each: -each.strength)),
    )


def _known(
    choose: Callable[[Iterable[Value]], Value], values: Iterable[Value | None]
) -> Value | None:
    """Return the chosen one of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return choose(known) if known else None
