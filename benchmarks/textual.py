"""The textual index: its speed on half a million texts, and what textual refinement adds.

    python benchmarks/textual.py DATA [--json] [--sizes 50000 538517] [--only speed typing quality]

`speed`: DATA/text holds real beauty listings (brand, name, description). As many texts as asked
for are made by recombining them: the brand and the first half of the name from one listing, the
last half of the name and the description from two others of its category; each text is followed
by a run of shades of the same (a half chance of one more), distinguished by a number. So lengths
and the shares of common words (`ml` in a third of all texts) stay those of the listings; the
vocabulary stays theirs too and is smaller than half a million real products would have, which
makes lists of products longer and the figures rather too slow than too fast.

`typing`: how often a listing is found first, or among seven, by the words of its own text with
one letter wrong in every third word.

`quality`: the ablation of Hou, Ji and Wang on labelled photos, the visual ranking from the
shipped encoder (three views, no keypoints).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from beautylens.catalogue.table import read_catalogue
from beautylens.catalogue.truth import TruthRow, read_truth
from beautylens.evaluation.grid.textual_ablation import RankedQuery, ablate, as_table
from beautylens.features.encoder.encoder import Encoder
from beautylens.images.decode import decode
from beautylens.recipe.recipe import read_recipe
from beautylens.text.product_texts import product_texts
from beautylens.text.text_index import TextIndex

TERMS: dict[str, dict[str, Any]] = {
    "words": {},
    "words to pairs": {"words": 2},
    "words + characters": {"characters": (3, 4), "share": 0.3},
}
Similar = Callable[[str], Sequence[str]]
LISTED, MINIMUM = 5, 0.5
QUERIES = 200


class Listing(NamedTuple):
    """One real product of a shop."""

    category: str
    brand: str
    name: str
    description: str

    @property
    def text(self) -> str:
        """Everything but the category."""
        return " ".join((self.brand, self.name, self.description))


def read_listings(folder: Path) -> list[Listing]:
    """Return the listings of all three shops."""
    with (folder / "notino.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            Listing(r["Category"], r["Brand"], r["Product Name"], r["Description"])
            for r in csv.DictReader(file)
        ]
    with (folder / "sephora.csv").open(encoding="utf-8-sig", newline="") as file:
        rows += [Listing(r["Label"], r["brand"], r["name"], "") for r in csv.DictReader(file)]
    for r in json.loads((folder / "makeup_api.json").read_text("utf-8")):
        fields = (r["product_type"], r["brand"], r["name"], r["category"])
        rows.append(Listing(*(field or "" for field in fields)))
    return rows


def recombined(listings: list[Listing], count: int) -> list[str]:
    """Return so many texts made of listings, as the head of this file says."""
    draw = random.Random(0)  # noqa: S311  (no secret)
    alike: dict[str, list[Listing]] = defaultdict(list)
    for listing in listings:
        alike[listing.category].append(listing)
    texts: list[str] = []
    while len(texts) < count:
        one = draw.choice(listings)
        other, third = draw.choices(alike[one.category], k=2)
        head, tail = one.name.split(), other.name.split()
        words = [*head[: (len(head) + 1) // 2], *tail[(len(tail) + 1) // 2 :]]
        text = " ".join((one.brand, *words, third.description))
        texts.append(text)
        while draw.random() < 0.5:
            texts.append(f"{text} {draw.randrange(1, 1000)}")
    return texts[:count]


def speed(texts: list[str], terms: Mapping[str, Any]) -> dict[str, float]:
    """Return seconds to fit, megabytes, and milliseconds of D for k products and of a search."""
    ids = [f"n{number:07}" for number in range(len(texts))]
    start = time.perf_counter()
    stored = TextIndex.fit(ids, texts, **terms).to_bytes()
    figures = {"fit_s": time.perf_counter() - start, "disk_mb": len(stored) / 1e6}
    tracemalloc.start()
    index = TextIndex.from_bytes(stored)
    index.search(texts[0], 1)
    figures["memory_mb"] = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    draw = random.Random(1)  # noqa: S311  (no secret)
    for k in (1, 3, 6):
        asked = [draw.sample(ids, k) for _ in range(QUERIES)]
        figures |= timed(f"k{k}", asked, lambda ids: index.similar(ids, LISTED, MINIMUM))
    typed = [" ".join(draw.choice(texts).split()[:4]) for _ in range(QUERIES)]
    return figures | timed("search", typed, lambda text: index.search(text, 100))


def timed(name: str, inputs: Sequence[Any], call: Callable[[Any], object]) -> dict[str, float]:
    """Return the median and 95th percentile of milliseconds a call."""
    spent = []
    for value in inputs:
        start = time.perf_counter()
        call(value)
        spent.append((time.perf_counter() - start) * 1000)
    return {f"{name}_ms": statistics.median(spent), f"{name}_p95_ms": np.quantile(spent, 0.95)}


def typing(listings: list[Listing], terms: Mapping[str, Any]) -> dict[str, float]:
    """Return how often mistyped words find their listing first, and among seven."""
    texts = list(dict.fromkeys(listing.text for listing in listings))
    index = TextIndex.fit([str(number) for number in range(len(texts))], texts, **terms)
    draw = random.Random(2)  # noqa: S311  (no secret)
    positions = []
    for number in draw.sample(range(len(texts)), 500):
        found = [name for name, _ in index.search(mistyped(texts[number], draw), 7)]
        positions.append(found.index(str(number)) if str(number) in found else 7)
    return {
        "first": float(np.mean([position == 0 for position in positions])),
        "among_seven": float(np.mean([position < 7 for position in positions])),
    }


def mistyped(text: str, draw: random.Random) -> str:
    """Put a wrong letter into every third word."""
    words = text.split()
    for position in range(0, len(words), 3):
        letters = list(words[position])
        letters[draw.randrange(len(letters))] = draw.choice("abcdefghijklmnopqrstuvwxyz")
        words[position] = "".join(letters)
    return " ".join(words)


class Shown(NamedTuple):
    """A labelled set with its visual rankings."""

    texts: dict[str, str]
    queries: list[RankedQuery]

    def similar(self, terms: Mapping[str, Any], listed: int, minimum: float) -> Similar:
        """Return D under these settings."""
        index = TextIndex.fit(list(self.texts), list(self.texts.values()), **terms)

        @cache
        def lookup(product: str) -> list[str]:
            return [other for other, _ in index.similar([product], listed, minimum)[0]]

        return lookup


def rank(folder: Path) -> Shown:
    """Describe a set's pictures and photos, and rank its products for each photo."""
    catalogue = read_catalogue(folder / "catalogue.csv")
    table = folder / "truth.csv" if (folder / "truth.csv").exists() else folder / "val.csv"
    truth = [row for row in read_truth(table) if row.product_ids]
    encoder, views = Encoder.load(), read_recipe("default").retrieve.views
    gallery = encoder(
        [catalogue.image_path(image) for image in catalogue.rows["image"].to_pylist()]
    )
    photos = np.stack([encoder.describe_views(decode(row.image), views) for row in truth])
    products = catalogue.rows["product_id"].to_pylist()
    queries = [
        ranked(row, cosines, products)
        for row, cosines in zip(truth, photos @ gallery.T, strict=True)
    ]
    return Shown(product_texts(catalogue.rows), queries)


def ranked(row: TruthRow, cosines: np.ndarray, products: Sequence[str]) -> RankedQuery:
    """Rank products by their best picture."""
    scores: dict[str, float] = {}
    for position in np.argsort(-cosines, kind="stable"):
        scores.setdefault(products[position], float(cosines[position]))
    return RankedQuery(list(scores), scores, row.product_ids, row.ignore_ids)


def quality(name: str, shown: Shown, *, as_json: bool) -> None:
    """Print the ablation for words and for words with characters, then the settings around it."""
    for kind, terms in TERMS.items():
        rows = ablate(shown.queries, shown.similar(terms, LISTED, MINIMUM))
        if as_json:
            for row in rows:
                print(json.dumps({"set": name, "terms": kind, **asdict(row)}), flush=True)
        else:
            print(f"\n{name}, {kind}, at most {LISTED} of at least {MINIMUM}")
            print(as_table(rows), flush=True)
    for (kind, terms), listed, minimum in product(TERMS.items(), (3, 5, 10), (0.1, 0.3, 0.5, 0.7)):
        rows = ablate(shown.queries, shown.similar(terms, listed, minimum), depths=(1, 3))
        figures = {f"{row.variant}_k{row.first}": row.after for row in rows}
        settings = {"set": name, "terms": kind, "listed": listed, "minimum": minimum}
        report(settings, figures, as_json=as_json)


def report(what: Mapping[str, Any], figures: Mapping[str, float], *, as_json: bool) -> None:
    """Print one line of figures."""
    if as_json:
        rounded = {key: round(float(value), 4) for key, value in figures.items()}
        print(json.dumps({**what, **rounded}), flush=True)
        return
    label = " ".join(f"{value!s:{18 if key == 'terms' else 8}}" for key, value in what.items())
    print(label, "  ".join(f"{key} {value:.4g}" for key, value in figures.items()), flush=True)


def main() -> None:
    """Measure and print lines of figures, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50_000, 538_517])
    parser.add_argument("--sets", nargs="+", default=["beauty", "grocery"])
    parser.add_argument("--only", nargs="+", default=["speed", "typing", "quality"])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    listings = read_listings(arguments.data / "text")
    for size in arguments.sizes if "speed" in arguments.only else ():
        texts = recombined(listings, size)
        for kind, terms in TERMS.items():
            report({"texts": size, "terms": kind}, speed(texts, terms), as_json=arguments.json)
    for kind, terms in TERMS.items() if "typing" in arguments.only else ():
        report({"typing": "", "terms": kind}, typing(listings, terms), as_json=arguments.json)
    for name in arguments.sets if "quality" in arguments.only else ():
        quality(name, rank(arguments.data / name), as_json=arguments.json)


if __name__ == "__main__":
    main()
