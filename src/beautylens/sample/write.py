"""Writing of the sample catalogue: two tables and their pictures."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from beautylens.arrays import UInt8
from beautylens.errors import TableError
from beautylens.images.draw import to_jpeg
from beautylens.images.simulate import phone_photo
from beautylens.sample.forms import draw_product
from beautylens.sample.plan import SamplePlan, SampleProduct, SampleQuery, plan_sample

Progress = Callable[[int, int], None]

_QUALITY = 88
_COLUMNS = ("product_id", "image", "name", "brand", "category", "gtin", "shade", "size")
_TRUTH_COLUMNS = ("image", "product_ids", "ignore_ids", "kind")


@dataclass(frozen=True, slots=True)
class SamplePaths:
    """Paths of the two tables of a sample."""

    catalogue: Path
    truth: Path


def write_sample_catalogue(
    folder: Path, *, seed: int = 2026, progress: Progress | None = None
) -> SamplePaths:
    """Write a catalogue of invented products with synthetic pictures, and query photos.

    Writes `catalogue.csv` with `gallery/*.jpg`, and `truth.csv` with `queries/*.jpg`.

    Args:
        folder: folder to write to, created if needed.
        seed: random seed; the same seed writes the same files.
        progress: called with the number of products and photos done, and the total.

    Raises:
        TableError: when the folder cannot be written.
    """
    return draw_plan(plan_sample(seed), folder, progress=progress)


def draw_plan(plan: SamplePlan, folder: Path, *, progress: Progress | None = None) -> SamplePaths:
    """Draw and write a planned sample; see `write_sample_catalogue`."""
    paths = SamplePaths(folder / "catalogue.csv", folder / "truth.csv")
    total = len(plan.products) + len(plan.queries)
    try:
        for name in ("gallery", "queries"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for done, pictures in enumerate(_drawn(plan), start=1):
            for name, picture in pictures.items():
                _save(folder / name, picture)
            if progress:
                progress(done, total)
        _write_table(paths.catalogue, _COLUMNS, _catalogue_rows(plan.products))
        _write_table(paths.truth, _TRUTH_COLUMNS, _truth_rows(plan.queries))
    except OSError as error:
        raise TableError(
            f"the sample catalogue cannot be written to {folder}: {error.strerror}; choose a "
            "writable folder"
        ) from error
    return paths


def _drawn(plan: SamplePlan) -> Iterator[dict[str, UInt8]]:
    """Yield the pictures of each product, then each query photo, by path in the folder."""
    for product in plan.products:
        yield {
            name: draw_product(product.line.form, product.pack, view)
            for name, view in zip(_images(product), product.views, strict=True)
        }
    for index, query in enumerate(plan.queries):
        yield {_query_image(index): take_photo(query)}


def take_photo(query: SampleQuery) -> UInt8:
    """Return the simulated phone photo of a query, drawn from the query's view."""
    picture = draw_product(query.product.line.form, query.product.pack, query.view)
    return phone_photo(picture, np.random.default_rng(query.seed), strength=query.strength)


def _images(product: SampleProduct) -> list[str]:
    endings = ("", "-b")[: len(product.views)]
    return [f"gallery/{product.product_id}{ending}.jpg" for ending in endings]


def _query_image(index: int) -> str:
    return f"queries/q{index + 1:02d}.jpg"


def _save(path: Path, picture: UInt8) -> None:
    path.write_bytes(to_jpeg(picture, _QUALITY))


def _catalogue_rows(products: Sequence[SampleProduct]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of products: those with two images alternate between one row and two."""
    for index, product in enumerate(products):
        images = _images(product)
        pack = product.pack
        shade = pack.shade if product.line.differ == "shade" else ""
        facts = (product.name, pack.brand.name, product.line.category, pack.gtin, shade, pack.size)
        for cell in images if index % 2 else [";".join(images)]:
            yield (product.product_id, cell, *facts)


def _truth_rows(queries: Sequence[SampleQuery]) -> Iterator[tuple[str, ...]]:
    for index, query in enumerate(queries):
        ids = ";".join(query.product_ids)
        ignored = ";".join(query.ignore_ids)
        yield _query_image(index), ids, ignored, query.kind


def _write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
