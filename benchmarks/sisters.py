"""Right product, sister, or not in the catalogue: simulated photos of products that have sisters.

    python benchmarks/sisters.py DATA [--sets beauty] [--every 1] [--strengths 1] [--per-photo CSV]
                                 [--variants default ...] [--json]

DATA holds a folder a set with catalogue.csv. No label is needed: every photo is simulated from a
catalogue picture of a product that has a sister, a product of another id whose name and brand share
most words with its own, such as another shade, another size, day against night. Each is searched
twice: as it is, and with the product (and what shows the same picture) left out, so that at best a
sister is there. The picture itself is in the gallery, which flatters what is found; whether a
sister is then called a match is what counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from beautylens.catalogue.table import Catalogue, read_catalogue
from beautylens.collection import Collection
from beautylens.evaluation.duplicates.duplicates import find_duplicates
from beautylens.evaluation.evaluate import evaluate
from beautylens.files.names import file_name
from beautylens.images.decode import decode
from beautylens.images.simulate import phone_photo
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.text.words import words_of

LEAST_SIDE = 640
# Share of the words of both names, from which on two products are sisters.
ALIKE = 0.6
VARIANTS: Mapping[str, dict[str, object]] = {
    "default": {},
    "without-comparison": {"compare_text": None},
    "without-words": {"compare_text": None, "read": None},
    "without-colours": {"colour": None},
}


def sisters_of(catalogue: Catalogue) -> dict[str, set[str]]:
    """Return the sisters of each product that has any: names whose words overlap (Jaccard)."""
    texts: dict[str, set[str]] = {}
    for row in catalogue.rows.to_pylist():
        words = set(words_of(f"{row['brand'] or ''} {row['name'] or ''}"))
        if words:
            texts.setdefault(row["product_id"], words)
    sisters: dict[str, set[str]] = defaultdict(set)
    for one, other in itertools.combinations(sorted(texts), 2):
        shared = len(texts[one] & texts[other])
        if shared >= ALIKE * (len(texts[one]) + len(texts[other]) - shared):
            sisters[one].add(other)
            sisters[other].add(one)
    return dict(sisters)


def same_picture(collection: Collection) -> dict[str, set[str]]:
    """Return the products that show a product's own picture under another id."""
    same: dict[str, set[str]] = defaultdict(set)
    for group in find_duplicates(collection.gallery, lambda steps, _: steps):
        for product in group.products:
            same[product].update(set(group.products) - {product})
    return same


def simulated(
    catalogue: Catalogue,
    sisters: Mapping[str, set[str]],
    same: Mapping[str, set[str]],
    folder: Path,
    strength: float,
) -> Iterator[dict[str, str]]:
    """Yield a simulated photo of each product that has sisters, written to a folder."""
    seen: set[str] = set()
    for number, row in enumerate(catalogue.rows.to_pylist()):
        product = row["product_id"]
        if product not in sisters or product in seen:
            continue
        seen.add(product)
        picture = decode(catalogue.image_path(row["image"]), least_side=LEAST_SIDE)
        photo = phone_photo(picture, np.random.default_rng(number), strength=strength)
        path = folder / f"{file_name(product)}.png"
        cv2.imwrite(str(path), photo[:, :, ::-1])
        shown = {product, *same.get(product, ())}
        yield {"image": str(path), "product_ids": ";".join(sorted(shown))}


def main() -> None:
    """Measure the default recipe and its ablations; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["beauty"])
    parser.add_argument("--every", type=int, default=1, help="use every n-th photo")
    parser.add_argument("--strengths", nargs="+", type=float, default=[1.0])
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument(
        "--per-photo",
        type=Path,
        help="write a row for each search; set, strength and variant are added to the name",
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.sets:
        catalogue = read_catalogue(arguments.data / name / "catalogue.csv")
        sisters = sisters_of(catalogue)
        with tempfile.TemporaryDirectory() as scratch:
            collection, _ = build(catalogue, Path(scratch) / "c.lens")
            same = same_picture(collection)
            for strength in arguments.strengths:
                truth = list(simulated(catalogue, sisters, same, Path(scratch), strength))
                for variant in arguments.variants:
                    recipe = read_recipe("default").model_copy(update=VARIANTS[variant])
                    photos, rows = truth[:: arguments.every], arguments.per_photo
                    if rows:
                        rows = rows.with_stem(f"{rows.stem}-{name}-{strength:g}-{variant}")
                    row = measured(collection, photos, recipe, rows)
                    print_row(
                        {"set": name, "strength": strength, "variant": variant, **row},
                        as_json=arguments.json,
                    )


def measured(
    collection: Collection, truth: list[dict[str, str]], recipe: Recipe, per_photo: Path | None
) -> dict[str, Any]:
    """Return the verdicts of a recipe on the photos, each also with its product left out."""
    collection.search_by(recipe)
    evaluation = evaluate(collection, truth, leave_out=True)
    if per_photo:
        evaluation.to_pandas().to_csv(per_photo, index=False)
    verdicts: dict[str, Any] = evaluation.to_dict()["verdicts"]
    return verdicts


def print_row(row: dict[str, Any], *, as_json: bool) -> None:
    """Print one variant's figures."""
    if as_json:
        print(json.dumps(row), flush=True)
        return
    shares = "  ".join(
        f"{name} {row[name]['share']:.3f} ({row[name]['count']}/{row[name]['of']})"
        for name in ("found", "coverage", "precision", "recognised")
    )
    print(
        f"{row['set']:7} strength {row['strength']:<4} {row['variant']:19} {shares}  "
        f"AUROC {row['auroc']:.3f}, keypoints agree {row['auroc_geometry']:.3f}  "
        f"ECE {row['calibration_error']:.3f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
