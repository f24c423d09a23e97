"""A search's answer as plain JSON values, the same on the command line and over HTTP."""

from __future__ import annotations

from typing import Any

from beautylens.results import Match, Matches

STAGES = (
    "decode", "describe", "retrieve", "expand", "match_code", "verify", "expand_by_name", "compare",
    "read", "score", "total",
)  # fmt: skip


def matches_to_json(matches: Matches) -> dict[str, Any]:
    """Return the verdict, the matches and the time that each stage took."""
    return {
        "verdict": matches.verdict,
        "probability": rounded(matches.probability),
        "matches": [match_to_json(match) for match in matches],
        "milliseconds": {stage: round(matches.milliseconds.get(stage, 0.0), 2) for stage in STAGES},
    }


def match_to_json(match: Match) -> dict[str, Any]:
    """Return one match with its reasons."""
    reasons = match.reasons
    return {
        "product_id": match.product.product_id,
        "name": match.product.name,
        "brand": match.product.brand,
        "image": match.image,
        "score": round(match.score, 6),
        "probability": rounded(match.probability),
        "reasons": {
            "visual": rounded(reasons.visual, 6),
            "local": rounded(reasons.local, 6),
            "inliers": reasons.inliers,
            "colour": reasons.colour,
            "text": rounded(reasons.text),
            "typed": rounded(reasons.typed),
            "words": list(reasons.words),
            "barcode": reasons.barcode,
        },
    }


def rounded(value: float | None, digits: int = 4) -> float | None:
    """Return a value with the digits that mean something, if there is one."""
    return None if value is None else round(value, digits)
