"""Right product or its twin: simulated phone photos of products whose names are nearly the same.

    python benchmarks/twins.py DATA [--json] [--sets beauty] [--strengths 1 2] [--alike 0.6]

DATA holds a folder a set with catalogue.csv. No label is needed: every photo is simulated from a
catalogue picture of a product that has a twin, a product of another id whose name and brand share
most words with its own, such as another shade, another size, day against night. The picture itself
is in the gallery, which flatters the share found; what counts is how often a twin comes first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.collection import Collection
from beautylens.evaluation.metrics import bootstrap_interval
from beautylens.images.decode import decode
from beautylens.images.simulate import phone_photo
from beautylens.indexing import build
from beautylens.recipe.recipe import read_recipe
from beautylens.text.words import words_of

LEAST_SIDE = 640
CHANGES: dict[str, dict[str, object]] = {
    "default": {},
    "no words, no barcodes": {"read": None},
    "no colours": {"colour": None},
}


def twins_of(catalogue: Catalogue, alike: float) -> dict[str, set[str]]:
    """Return the twins of each product that has any: names whose words overlap (Jaccard)."""
    texts: dict[str, set[str]] = {}
    for row in catalogue.rows.to_pylist():
        words = set(words_of(f"{row['brand'] or ''} {row['name'] or ''}"))
        if words:
            texts.setdefault(row["product_id"], words)
    twins: dict[str, set[str]] = defaultdict(set)
    for one, other in itertools.combinations(sorted(texts), 2):
        shared = len(texts[one] & texts[other])
        if shared >= alike * (len(texts[one]) + len(texts[other]) - shared):
            twins[one].add(other)
            twins[other].add(one)
    return dict(twins)


def first_places(
    collection: Collection, catalogue: Catalogue, twins: dict[str, set[str]], strength: float
) -> Counter[str]:
    """Return how often the product itself, a twin, or another product comes first."""
    found: Counter[str] = Counter()
    seen: set[str] = set()
    for number, row in enumerate(catalogue.rows.to_pylist()):
        product = row["product_id"]
        if product not in twins or product in seen:
            continue
        seen.add(product)
        picture = decode(catalogue.image_path(row["image"]), least_side=LEAST_SIDE)
        photo = phone_photo(picture, np.random.default_rng(number), strength=strength)
        best = collection.search(photo, 1)[0].product.product_id
        itself, twin = best == product, best in twins[product]
        found["right" if itself else "twin" if twin else "other"] += 1
    return found


def as_row(found: Counter[str]) -> dict[str, Any]:
    """Return the shares of the outcomes, with the interval of the first."""
    total = sum(found.values())
    right = np.repeat([1.0, 0.0], [found["right"], total - found["right"]])
    low, high = bootstrap_interval(right)
    shares = {name: round(found[name] / total, 3) for name in ("right", "twin", "other")}
    return {"photos": total, **shares, "interval": [round(low, 3), round(high, 3)]}


def main() -> None:
    """Measure the default recipe and its ablations; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty"])
    parser.add_argument("--strengths", nargs="+", type=float, default=[1.0, 2.0])
    parser.add_argument("--alike", type=float, default=0.6)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.sets:
        catalogue = read_catalogue(arguments.data / name / "catalogue.csv")
        twins = twins_of(catalogue, arguments.alike)
        with tempfile.TemporaryDirectory() as scratch:
            collection, _ = build(catalogue, Path(scratch) / "c.lens")
            for strength in arguments.strengths:
                for variant, change in CHANGES.items():
                    collection.search_by(read_recipe("default").model_copy(update=change))
                    row = as_row(first_places(collection, catalogue, twins, strength))
                    print_row({"set": name, "strength": strength, "variant": variant, **row},
                              as_json=arguments.json)  # fmt: skip


def print_row(row: dict[str, Any], *, as_json: bool) -> None:
    """Print one variant's shares."""
    if as_json:
        print(json.dumps(row), flush=True)
        return
    print(
        f"{row['set']:8} strength {row['strength']:<4} {row['variant']:28} {row['photos']:4}  "
        f"right {row['right']:.3f} ({row['interval'][0]:.2f}-{row['interval'][1]:.2f})  "
        f"twin {row['twin']:.3f}  other {row['other']:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
