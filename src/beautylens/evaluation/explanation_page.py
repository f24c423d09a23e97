"""A page with the drawings that explain the matches of photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from beautylens.evaluation.page_assets import render
from beautylens.reasons import Question, Reasons
from beautylens.results import Explanation, Match, Matches, brand_and_name

_VERDICTS = {
    "match": "Match",
    "unsure": "Unsure",
    "not_in_catalogue": "Not in the catalogue",
    None: "",
}


# A photo by name, its matches, and the drawings of their reasons.
Explained: TypeAlias = tuple[str, Matches, Explanation]


def write_explanations(folder: Path, explained: Sequence[Explained]) -> Path:
    """Write `index.html` into the folder of the drawings, and return its path.

    Raises:
        OSError: when the folder cannot be written.
    """
    page = folder / "index.html"
    queries = [_query(*each, folder) for each in explained]
    page.write_text(render("explanation.html.jinja", queries=queries), encoding="utf-8")
    return page


def _query(name: str, matches: Matches, drawings: Explanation, folder: Path) -> dict[str, Any]:
    return {
        "name": name,
        "verdict": _VERDICTS[matches.verdict],
        "share": "" if matches.verdict == "not_in_catalogue" else _share(matches.probability),
        "question": _question(matches.question),
        "photo": _address(drawings.photo, folder),
        "matches": [
            _match(match, rank, drawings, folder) for rank, match in enumerate(matches, start=1)
        ],
    }


def _match(match: Match, rank: int, drawings: Explanation, folder: Path) -> dict[str, Any]:
    product, why = match.product, match.reasons
    return {
        "name": brand_and_name(product) or product.product_id,
        "product_id": product.product_id,
        "share": _share(match.probability),
        "reasons": list(_reasons(why)),
        "against": [f"photo: {each.photo}, here: {each.catalogue}" for each in why.against],
        "keypoints": _address(drawings.keypoints.get(rank), folder),
        "colours": _address(drawings.colours.get(rank), folder),
        "error": drawings.errors.get(rank, ""),
    }


def _reasons(why: Reasons) -> list[str]:
    """Return the evidence in words, the strongest kinds first."""
    share = why.text_agreement
    said = {
        f"barcode {why.barcode}": why.barcode,
        f"{why.inliers} inliers": why.inliers is not None,
        f"{100 * (share or 0):.0f} % of the text agrees": share is not None,
        f"words: {', '.join(why.words)}": why.words,
        f"colour difference {why.colour or 0:.1f}": why.colour is not None,
        f"cosine {why.visual or 0:.2f}": why.visual is not None,
    }
    return [words for words, known in said.items() if known]


def _question(question: Question | None) -> str:
    if question is None or question.about == "colour":
        return "" if question is None else "The two most probable products differ in colour."
    return f"What would decide: {' or '.join(question.answers)}"


def _share(probability: float | None) -> str:
    """Return a probability as at most 99 %: nothing is certain."""
    if probability is None:
        return ""
    share = min(99, round(100 * probability))
    return f"{share} %" if share else "< 1 %"


def _address(file: Path | None, folder: Path) -> str:
    """Return the address of a drawing from the page; empty for none."""
    return "" if file is None else quote(file.relative_to(folder).as_posix())
