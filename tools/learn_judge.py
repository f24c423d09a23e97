r"""Learn the judge's parameters that the package ships: weights, in-catalogue model, thresholds.

    python tools/learn_judge.py DATA CACHE

DATA holds GroceryStoreDataset (MIT) as `grocery/catalogue.csv` and `grocery/train.csv`: photos of
packages by hand-held phones in shops. Rendered samples add what these lack: packs with legible
text, and two more kinds of catalogue, one in which nearly all products have sisters and one without
any. Nothing else goes into what is shipped. CACHE keeps the short-lists, so that learning from them
again takes seconds; empty it once the evidence has changed.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import read_truth
from beautylens.collection import Collection
from beautylens.evaluation.calibration.calibrate import EvidenceSearch
from beautylens.evaluation.calibration.labelled_shortlist import Example
from beautylens.evaluation.calibration.learning import cross_val_predict, learn
from beautylens.evaluation.calibration.measures import auroc, calibration_error
from beautylens.images.sources import Picture
from beautylens.indexing import build
from beautylens.reasons import Reasons
from beautylens.recipe.recipe import read_recipe
from beautylens.recipe.sections import JudgeSettings
from beautylens.results import Match, Matches, Product
from beautylens.sample.lines import Line
from beautylens.sample.plan import SamplePlan, plan_sample
from beautylens.sample.write import draw_plan
from beautylens.search.judge.parameters import SHIPPED, JudgeParameters, Thresholds
from beautylens.search.judge.probability import InCatalogueModel

STRENGTH = 50.0
# Where learning starts and stays near: shop photos of packages alone would trust looks more, and
# print less, than other catalogues bear out (docs/benchmarks.md).
PRIOR = JudgeParameters(
    weights={"visual": 16, "inliers": 3, "text": 1, "colour": 6, "contradiction": 8},
    in_catalogue=InCatalogueModel(
        level=-4.0,
        slope=0.3,
        background=0.1,
        colour=0.5,
        contradiction=5,
        text_agreement=1,
        # As the theory has it: see `shared_design`.
        shared_design=1,
    ),
    thresholds=Thresholds(match=0.9, missing=0.9, decided=0.99),
)
# Of the rendered samples; the demo draws another one.
SEEDS = (7, 8, 9)
# Photos of groceries.
PHOTOS = 260


class Photo(NamedTuple):
    """A photo, its right products, and the products that searches without them leave out."""

    picture: Picture
    truths: set[str]
    left_out: list[set[str]]


def grocery(data: Path, photos: int) -> Iterator[Photo]:
    """Yield photos of packages, evenly from all products; no loose fruit.

    A family are the products of one brand: an id begins with it, as in "Arla-Sour-Milk".
    """
    families: dict[str, set[str]] = defaultdict(set)
    catalogue = read_catalogue(data / "grocery" / "catalogue.csv")
    for product_id in catalogue.rows["product_id"].to_pylist():
        families[product_id.partition("-")[0]].add(product_id)
    rows = [row for row in read_truth(data / "grocery" / "train.csv") if row.kind == "package"]
    for position in np.linspace(0, len(rows) - 1, photos).astype(int):
        (product_id,) = rows[position].product_ids
        family = families[product_id.partition("-")[0]]
        yield Photo(rows[position].image, {product_id}, _without({product_id}, family))


def sample(plan: SamplePlan, folder: Path) -> Iterator[Photo]:
    """Yield the photos of a rendered sample; a family are the products of one line."""
    families: dict[Line, set[str]] = defaultdict(set)
    for product in plan.products:
        families[product.line].add(product.product_id)
    for query, row in zip(plan.queries, read_truth(folder / "truth.csv"), strict=True):
        truths = set(row.product_ids)
        left_out = _without(truths, families[query.product.line]) if truths else []
        yield Photo(row.image, truths, left_out)


def _without(truths: set[str], family: set[str]) -> list[set[str]]:
    """Return what is left out of a catalogue: the right products, and their family, if larger."""
    return [truths, *([family] if family > truths else [])]


def without_sisters(plan: SamplePlan) -> SamplePlan:
    """Return a plan with one product of each line, a photographed one if there is one."""
    present = [query for query in plan.queries if query.product_ids]
    chosen = {query.product.line: query.product for query in present}
    for product in plan.products:
        chosen.setdefault(product.line, product)
    queries = [query for query in present if query.product in chosen.values()]
    return SamplePlan(tuple(chosen.values()), tuple(queries))


def collect(collection: Collection, photos: Iterable[Photo], kept: Path) -> None:
    """Search with each photo, and again without its product and without its family.

    Each line of JSON has the whole short-lists of one photo with all evidence.
    """
    # Renamed when it is whole, so that an interrupted run starts again.
    part, search = kept.with_suffix(".part"), EvidenceSearch(collection)
    with part.open("w", encoding="utf-8") as file:
        for photo in photos:
            found, *left_out = search(photo.picture, photo.left_out)
            lists = {"rows": _rows(found), "left_out": [_rows(each) for each in left_out]}
            value = {"truths": sorted(photo.truths), "sharing": search.sharing, **lists}
            file.write(json.dumps(value) + "\n")
    part.rename(kept)


def _rows(matches: Matches) -> list[list[Any]]:
    return [[m.image_id, m.product.product_id, asdict(m.reasons)] for m in matches]


def examples(kept: Path) -> Iterator[Example]:
    """Yield the examples of the kept short-lists."""
    for line in kept.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        left_out = [_matches(rows) for rows in value["left_out"]]
        example = Example.of(
            _matches(value["rows"]), value["truths"], left_out=left_out, sharing=value["sharing"]
        )
        if example is not None:
            yield example


def _matches(rows: Sequence[Sequence[Any]]) -> Matches:
    return Matches(tuple(_match(*row) for row in rows))


def _match(image_id: str, product_id: str, reasons: dict[str, Any]) -> Match:
    # Only numbers are evidence; what they are shown with is not kept.
    numbers = {name: reasons[name] for name in reasons if name not in {"words", "against"}}
    return Match(image_id, Product(product_id), "", 0.0, Reasons(**numbers))


def gathered(data: Path, cache: Path, photos: int) -> list[Example]:
    """Return what the photos teach, searching with them unless that has been done."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / SHIPPED).write_bytes(PRIOR.to_bytes())
    kept = [_kept(cache / "grocery", data / "grocery" / "catalogue.csv", grocery(data, photos))]
    for seed in SEEDS:
        plan = plan_sample(seed)
        for name, part in (("sample", plan), ("no-sisters", without_sisters(plan))):
            folder = cache / f"{name}-{seed}"
            if not (folder / "truth.csv").exists():
                draw_plan(part, folder)
            kept.append(_kept(folder, folder / "catalogue.csv", sample(part, folder)))
    return [example for file in kept for example in examples(file)]


def _kept(folder: Path, table: Path, photos: Iterable[Photo]) -> Path:
    """Return the file with the short-lists of photos, made unless it is there."""
    kept = folder.with_suffix(".jsonl")
    if not kept.exists():
        judge = JudgeSettings(kind="judge", file=str((folder.parent / SHIPPED).absolute()))
        recipe = read_recipe("default").model_copy(update={"scorer": judge})
        collection, _ = build(table, folder.with_suffix(".lens"), recipe=recipe)
        collect(collection, photos, kept)
    return kept


def main() -> None:
    """Collect what has not been collected, learn, write the parameters, and say how good it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--photos", type=int, default=PHOTOS, help="how many to learn from")
    parser.add_argument("--out", type=Path, default=Path("src/beautylens/search/judge") / SHIPPED)
    arguments = parser.parse_args()
    found = gathered(arguments.data, arguments.cache, arguments.photos)
    predictions = cross_val_predict(found, PRIOR, STRENGTH)
    made = {
        "by": "tools/learn_judge.py",
        "from": "GroceryStoreDataset train.csv, packages (MIT), and rendered samples",
        "photos": len(found),
        "questions": len(predictions.best),
        "auroc": round(auroc(predictions.best, predictions.right), 3),
        "calibration_error": round(calibration_error(predictions.best, predictions.right), 3),
    }
    learnt = replace(learn(found, PRIOR, STRENGTH), made=made)
    arguments.out.write_bytes(learnt.to_bytes())
    print(learnt.to_bytes().decode())


if __name__ == "__main__":
    main()
