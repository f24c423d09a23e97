r"""Learn the judge's parameters that the package ships: weights, in-catalogue model, thresholds.

    python tools/learn_judge.py DATA CACHE

DATA holds GroceryStoreDataset (MIT) as `grocery/catalogue.csv` and `grocery/train.csv`: photos of
packages by hand-held phones in shops. Nothing else goes into what is shipped; simulated photos of
the rendered sample teach other odds of being there, and worse ones for real photos. CACHE keeps the
short-lists, so that learning from them again takes seconds; empty it once the evidence has changed.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

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
from beautylens.search.judge.parameters import SHIPPED, JudgeParameters, Thresholds
from beautylens.search.judge.probability import InCatalogueModel

STRENGTH = 300.0
# Where learning starts and stays near: shop photos of packages alone would trust looks more, and
# print less, than other catalogues bear out (docs/benchmarks.md).
PRIOR = JudgeParameters(
    weights={"visual": 16, "inliers": 3, "text": 1, "colour": 6, "contradiction": 8},
    in_catalogue=InCatalogueModel(
        level=-4.0, slope=0.3, background=0.1, colour=0.5, contradiction=5
    ),
    thresholds=Thresholds(match=0.9, missing=0.9, decided=0.99),
)


def grocery(data: Path, photos: int) -> Iterator[tuple[Picture, str]]:
    """Yield photos of packages, evenly from all products, with their product; no loose fruit."""
    rows = [row for row in read_truth(data / "grocery" / "train.csv") if row.kind == "package"]
    for position in np.linspace(0, len(rows) - 1, photos).astype(int):
        yield rows[position].image, next(iter(rows[position].product_ids))


def brand_of(product_id: str) -> str:
    """Return the brand that a grocery product's id starts with: "Arla" of "Arla-Sour-Milk"."""
    return product_id.partition("-")[0]


def collect(collection: Collection, photos: Iterable[tuple[Picture, str]], kept: Path) -> None:
    """Search with each photo, and again without its product and without its family.

    Each line of JSON has the whole short-lists of one photo with all evidence.
    """
    # Renamed when it is whole, so that an interrupted run starts again.
    part, search = kept.with_suffix(".part"), EvidenceSearch(collection)
    families: dict[str, set[str]] = defaultdict(set)
    for product_id in collection.gallery.rows.ids("product_id").to_pylist():
        families[brand_of(product_id)].add(product_id)
    with part.open("w", encoding="utf-8") as file:
        for photo, truth in photos:
            found, *left_out = search(photo, [{truth}, families[brand_of(truth)]])
            lists = {"rows": _rows(found), "left_out": [_rows(each) for each in left_out]}
            file.write(json.dumps({"truth": truth, **lists}) + "\n")
    part.rename(kept)


def _rows(matches: Matches) -> list[list[Any]]:
    return [[m.image_id, m.product.product_id, asdict(m.reasons)] for m in matches]


def examples(kept: Path) -> Iterator[Example]:
    """Yield the examples of the kept short-lists."""
    for line in kept.read_text(encoding="utf-8").splitlines():
        value = json.loads(line)
        left_out = [_matches(rows) for rows in value["left_out"]]
        example = Example.of(_matches(value["rows"]), {value["truth"]}, left_out=left_out)
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
    kept = cache / "grocery.jsonl"
    if not kept.exists():
        (cache / SHIPPED).write_bytes(PRIOR.to_bytes())
        judge = JudgeSettings(kind="judge", file=str((cache / SHIPPED).absolute()))
        recipe = read_recipe("default").model_copy(update={"scorer": judge})
        table = data / "grocery" / "catalogue.csv"
        collection, _ = build(table, cache / "grocery.lens", recipe=recipe)
        collect(collection, grocery(data, photos), kept)
    return list(examples(kept))


def main() -> None:
    """Collect what has not been collected, learn, write the parameters, and say how good it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--photos", type=int, default=260, help="how many to learn from")
    parser.add_argument("--out", type=Path, default=Path("src/beautylens/search/judge") / SHIPPED)
    arguments = parser.parse_args()
    found = gathered(arguments.data, arguments.cache, arguments.photos)
    predictions = cross_val_predict(found, PRIOR, STRENGTH)
    made = {
        "by": "tools/learn_judge.py",
        "from": "GroceryStoreDataset train.csv, packages (MIT)",
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
