"""Plan of the sample: products of the catalogue and query photos, before anything is drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np

from beautylens.sample.design import design_line, in_store_gtin, make_pack
from beautylens.sample.lines import Line, read_lines
from beautylens.sample.pack import Pack
from beautylens.sample.stage import STUDIO, View

PRESENT_QUERIES = 34
HELD_OUT_SHADES = 4
_ANGLED = View(yaw=0.45, camera=0.17)
_TILTED = View(tilt=-24)
_BACK = View(back=True)
_LYING = ("palette", "pencil", "sachet", "soap")
# One product in this many has a second picture, from an angle.
_EVERY_ANGLED = 9


@dataclass(frozen=True, slots=True)
class SampleProduct:
    """A product: its name, its pack, and the views of its pictures."""

    product_id: str
    line: Line
    name: str
    pack: Pack
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """A query photo with its ground truth.

    kind is `photo`, `shade` if products of the line differ in colour only, `barcode` for a back, or
    `absent` for a product that is not in the catalogue.
    """

    product: SampleProduct
    view: View
    seed: tuple[int, int]
    strength: float
    product_ids: tuple[str, ...]
    ignore_ids: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """The products of the catalogue and the query photos."""

    products: tuple[SampleProduct, ...]
    queries: tuple[SampleQuery, ...]

    def first(self, products: int, queries: int) -> SamplePlan:
        """Return a plan of the first products and the first query photos."""
        return SamplePlan(self.products[:products], self.queries[:queries])


def plan_sample(seed: int) -> SamplePlan:
    """Return the plan of a seed."""
    rng = np.random.default_rng(seed)
    ranges = [_line_products(index, line, rng) for index, line in enumerate(read_lines())]
    held_out = _held_out_shades(ranges, rng)
    unlisted = [product for products in ranges for product in products if not product.line.listed]
    absent = [*held_out, *unlisted]
    listed = [product for products in ranges for product in products if product not in absent]
    photographed = [*_photographed(listed, rng), *absent]
    queries = [
        _query(product, (seed, index), listed, rng) for index, product in enumerate(photographed)
    ]
    return SamplePlan(tuple(listed), tuple(queries))


def _line_products(index: int, line: Line, rng: np.random.Generator) -> list[SampleProduct]:
    design = design_line(line, rng)
    products = []
    for number, version in enumerate(line.versions, start=1):
        pack = make_pack(line, version, design, in_store_gtin(line.brand, index, number))
        difference = version.size if line.differ == "size" else version.label
        products.append(
            SampleProduct(
                product_id=f"{line.brand[:3]}-{index + 1:02d}-{number}",
                line=line,
                name=f"{line.name} {line.kind} {difference}",
                pack=pack,
                views=_views(line, 2 * index + number),
            )
        )
    return products


def _views(line: Line, number: int) -> tuple[View, ...]:
    if line.form == "carton":
        return STUDIO, _BACK
    if number % _EVERY_ANGLED:
        return (STUDIO,)
    return STUDIO, _TILTED if line.form in _LYING else _ANGLED


def _held_out_shades(
    ranges: Sequence[list[SampleProduct]], rng: np.random.Generator
) -> list[SampleProduct]:
    """Return one shade each of some lines with many, photographed but not in the catalogue."""
    wide = [
        products for products in ranges if products[0].line.differ == "shade" and len(products) > 3
    ]
    chosen = rng.choice(len(wide), HELD_OUT_SHADES, replace=False)
    return [wide[index][int(rng.integers(len(wide[index])))] for index in chosen]


def _photographed(listed: Sequence[SampleProduct], rng: np.random.Generator) -> list[SampleProduct]:
    """Return products to photograph: at most one of a line, alternating between forms."""
    lines: dict[Line, list[SampleProduct]] = defaultdict(list)
    for product in listed:
        lines[product.line].append(product)
    picks = [products[int(rng.integers(len(products)))] for products in lines.values()]
    by_form: dict[str, list[SampleProduct]] = defaultdict(list)
    for index in rng.permutation(len(picks)):
        by_form[picks[index].line.form].append(picks[index])
    in_turn = chain.from_iterable(zip_longest(*by_form.values()))
    return [product for product in in_turn if product is not None][:PRESENT_QUERIES]


def _query(
    product: SampleProduct,
    seed: tuple[int, int],
    listed: Sequence[SampleProduct],
    rng: np.random.Generator,
) -> SampleQuery:
    """Return the query photo of a product; cartons are photographed from the back."""
    back = product.line.form == "carton"
    yaw = float(rng.uniform(-0.4, 0.4))
    camera = float(rng.uniform(0.05, 0.18))
    present = product in listed
    siblings = () if present else tuple(p.product_id for p in listed if p.line == product.line)
    kind = "barcode" if back else "shade" if product.line.differ == "shade" else "photo"
    return SampleQuery(
        product=product,
        view=View(yaw=yaw, camera=camera, shadow=False, back=back),
        seed=seed,
        strength=0.5 if back else float(rng.uniform(0.7, 1.0)),
        product_ids=(product.product_id,) if present else (),
        ignore_ids=siblings,
        kind=kind if present else "absent",
    )
