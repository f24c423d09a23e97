r"""Ablation of the judge's evidence: fitted without one kind at a time, on photos of a collection.

    python tools/ablate_judge.py DATA CACHE COLLECTION TRUTH [--json]

DATA and CACHE as for `tools/learn_judge.py`, whose short-lists the judge is fitted to each time.
Each photo of TRUTH is searched as it is and with its right products excluded.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from beautylens.catalogue.truth import read_truth
from beautylens.collection import open_collection
from beautylens.evaluation.calibration.calibrate import EvidenceSearch
from beautylens.evaluation.calibration.labelled_shortlist import Example, LabelledShortlist
from beautylens.evaluation.calibration.learning import learn
from beautylens.evaluation.calibration.measures import auroc, calibration_error
from beautylens.results import Matches
from beautylens.search.judge.evidence import CHANCE, FEATURES
from beautylens.search.judge.judge import Judge
from learn_judge import PHOTOS, PRIOR, STRENGTH, gathered

KINDS = ("", "text_agreement", "shared_design", "contradiction", "text", "colour", "inliers")


@dataclass(frozen=True, slots=True)
class Search:
    """The short-list of a photo, and the products that are right and that do not count."""

    matches: Matches
    truths: frozenset[str]
    ignore: frozenset[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """What the judge does without one kind of evidence."""

    without: str
    matches: int
    right: int
    present: int
    absent: int
    recognised: int
    auroc: float
    auroc_keypoints: float
    calibration_error: float


def searches(search: EvidenceSearch, truth: Path) -> Iterator[Search]:
    """Yield the search of each photo that counts, and the one without its right products."""
    for row in read_truth(truth):
        if not row.product_ids and row.ignore_ids:
            continue
        ignore = frozenset(row.ignore_ids)
        found, *left_out = search(row.image, [row.product_ids] if row.product_ids else [])
        yield Search(found, frozenset(row.product_ids), ignore)
        for each in left_out:
            yield Search(each, frozenset(), ignore)


def without(kind: str) -> Callable[[LabelledShortlist], LabelledShortlist]:
    """Return a function that takes one kind of evidence from a short-list."""

    def reduced(shortlist: LabelledShortlist) -> LabelledShortlist:
        if kind == "text_agreement":
            return replace(shortlist, agreement=np.zeros_like(shortlist.agreement))
        if kind == "shared_design":
            return replace(shortlist, design=np.zeros_like(shortlist.design))
        evidence = shortlist.evidence.copy()
        evidence[:, FEATURES.index(kind)] = 0
        unknown = np.full_like(shortlist.colour, np.nan)
        colour = unknown if kind == "colour" else shortlist.colour
        return replace(shortlist, evidence=evidence, colour=colour)

    return reduced if kind else lambda shortlist: shortlist


def measure(
    kind: str, examples: Sequence[Example], asked: Sequence[Search], sharing: float | None
) -> Measured:
    """Fit the judge without one kind of evidence, and return what it answers."""
    reduced = without(kind)
    fitted = [
        Example(reduced(each.shortlist), tuple(map(reduced, each.left_out)), each.subject)
        for each in examples
    ]
    judge = Judge(learn(fitted, PRIOR, STRENGTH), None if kind == "shared_design" else sharing)
    present = sum(bool(each.truths) for each in asked)
    best, right, agree, verdicts, absent = [], [], [], [], []
    for each in asked:
        matches = judge(_without_reason(each.matches, kind))
        if not matches or matches[0].product.product_id in each.ignore:
            continue
        best.append(matches.probability or 0.0)
        right.append(matches[0].product.product_id in each.truths)
        agree.append((matches[0].reasons.inliers or 0) > CHANCE)
        verdicts.append(matches.verdict)
        absent.append(not each.truths)
    probability, correct, keypoints = np.array(best), np.array(right), np.array(agree)
    called = np.array([verdict == "match" for verdict in verdicts])
    missing = np.array([verdict == "not_in_catalogue" for verdict in verdicts])
    return Measured(
        kind,
        int(called.sum()),
        int((called & correct).sum()),
        present,
        sum(absent),
        int((missing & np.array(absent)).sum()),
        auroc(probability, correct),
        auroc(probability[keypoints], correct[keypoints]),
        calibration_error(probability, correct),
    )


def _without_reason(matches: Matches, kind: str) -> Matches:
    if kind in {"", "shared_design"}:
        return matches
    return matches.with_rows(
        replace(match, reasons=replace(match.reasons, **{kind: None})) for match in matches
    )


def main() -> None:
    """Search with all photos, then fit and print a row without each kind of evidence."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("collection")
    parser.add_argument("truth", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    examples = gathered(arguments.data, arguments.cache, PHOTOS)
    search = EvidenceSearch(open_collection(arguments.collection))
    asked = list(searches(search, arguments.truth))
    for kind in KINDS:
        row = measure(kind, examples, asked, search.sharing)
        print(json.dumps(asdict(row)) if arguments.json else _line(row), flush=True)


def _line(row: Measured) -> str:
    return (
        f"without {row.without or 'nothing':16} right {row.right} of {row.matches} matches, "
        f"{row.present} present; absent recognised {row.recognised} of {row.absent}; AUROC "
        f"{row.auroc:.3f}, where keypoints agree {row.auroc_keypoints:.3f}; calibration error "
        f"{row.calibration_error:.3f}"
    )


if __name__ == "__main__":
    main()
