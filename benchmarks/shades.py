"""How often the right shade of a line comes first, for simulated phone photos of its shades.

    python benchmarks/shades.py DATA [--sources drawn recoloured named] [--seeds 1] [--json]

DATA holds the set `beauty`; `shade_pairs.py` says where shades come from. Each source is a
gallery of its own. A row shows the share of photos whose line was reached (its first product is
of the right line) and, of those: `right`, the right one of all its shades comes first, and `pair`,
it comes before the one nearest to it in colour.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from beautylens.arrays import UInt8
from beautylens.catalogue.table import read_catalogue
from beautylens.collection import Collection
from beautylens.images.simulate import phone_photo
from beautylens.indexing import build
from beautylens.recipe.recipe import Recipe, read_recipe
from beautylens.results import Matches
from shade_pairs import Shade, colour_step, drawn, named, recoloured

SOURCES = ("drawn", "recoloured", "named")


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one source and variant."""

    source: str
    variant: str
    pairs: int
    photos: int
    reached: float
    right: float
    pair: float
    compare_ms: float


def variants(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """Yield the recipe, and the recipe that does not look at colours."""
    yield "colour", recipe
    yield "no colour", recipe.model_copy(update={"colour": None})


def shades_of(source: str, table: Path, limit: int) -> list[Shade]:
    """Return the shades of a source."""
    found = {
        "drawn": lambda: drawn(7),
        "recoloured": lambda: recoloured(table, 1, limit),
        "named": lambda: named(table),
    }[source]()
    return list(found)


def index(shades: Sequence[Shade], folder: Path, recipe: Recipe) -> Collection:
    """Return a collection of the shades' studio pictures; product ids are their indices."""
    lines = ["product_id,image"]
    for position, shade in enumerate(shades):
        _, data = cv2.imencode(".png", cv2.cvtColor(shade.picture, cv2.COLOR_RGB2BGR))
        (folder / f"{position}.png").write_bytes(data.tobytes())
        lines.append(f"{position},{position}.png")
    (folder / "catalogue.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return build(read_catalogue(folder / "catalogue.csv"), folder / "c.lens", recipe=recipe)[0]


def photos(shades: Sequence[Shade], seeds: int) -> Iterator[tuple[int, UInt8]]:
    """Yield simulated photos of every shade, each with the index of its shade."""
    for position, shade in enumerate(shades):
        for seed in range(seeds):
            rng = np.random.default_rng((seed, position, 99))
            yield position, phone_photo(shade.seen, rng, strength=float(rng.uniform(0.7, 1)))


def rivals(shades: Sequence[Shade]) -> list[int]:
    """Return for each shade the index of the shade of its line that is nearest in colour."""
    lines: dict[str, list[int]] = {}
    for position, shade in enumerate(shades):
        lines.setdefault(shade.line, []).append(position)
    return [
        min(
            (other for other in lines[shade.line] if other != position),
            key=lambda other: colour_step(shade.picture, shades[other].picture),
        )
        for position, shade in enumerate(shades)
    ]


def measure(
    source: str,
    shades: Sequence[Shade],
    collection: Collection,
    recipes: Sequence[tuple[str, Recipe]],
    seeds: int,
) -> Iterator[Row]:
    """Yield the figures of each variant."""
    nearest = rivals(shades)
    pairs = len({frozenset(pair) for pair in enumerate(nearest)})
    for variant, recipe in recipes:
        collection.search_by(recipe)
        answers = [
            (position, collection.search(photo, limit=50))
            for position, photo in photos(shades, seeds)
        ]
        yield _row(source, variant, shades, nearest, answers, pairs)


def _row(
    source: str,
    variant: str,
    shades: Sequence[Shade],
    nearest: Sequence[int],
    answers: Sequence[tuple[int, Matches]],
    pairs: int,
) -> Row:
    right, ahead, times = [], [], []
    for position, matches in answers:
        order = [int(match.product.product_id) for match in matches]
        if order and shades[order[0]].line == shades[position].line:
            right.append(order[0] == position)
            ahead.append(_before(order, position, nearest[position]))
            times.append(matches.milliseconds.get("compare", 0.0))
    return Row(
        source,
        variant,
        pairs,
        len(answers),
        len(right) / len(answers),
        statistics.mean(right),
        statistics.mean(ahead),
        statistics.median(times),
    )


def _before(order: Sequence[int], position: int, other: int) -> bool:
    return position in order and (other not in order or order.index(position) < order.index(other))


def main() -> None:
    """Measure every source; print a table, or JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sources", nargs="+", default=list(SOURCES), choices=SOURCES)
    parser.add_argument("--seeds", type=int, default=1, help="photos of each shade")
    parser.add_argument("--limit", type=int, default=80, help="recoloured pairs")
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)
    for source in arguments.sources:
        shades = shades_of(source, arguments.data / "beauty" / "catalogue.csv", arguments.limit)
        with tempfile.TemporaryDirectory() as scratch:
            collection = index(shades, Path(scratch), recipe)
            recipes = list(variants(recipe))
            for row in measure(source, shades, collection, recipes, arguments.seeds):
                report(row, as_json=arguments.json)


def report(row: Row, *, as_json: bool) -> None:
    """Print one row."""
    if as_json:
        print(json.dumps(asdict(row)), flush=True)
        return
    print(
        f"{row.source:11} {row.variant:10} {row.pairs:3} pairs  {row.photos:4} photos  "
        f"reached {row.reached:.3f}  right {row.right:.3f}  pair {row.pair:.3f}  "
        f"compare {row.compare_ms:.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
