"""Public product benchmarks that are on this disk, as a catalogue and a truth table.

The pictures stay where they are. Metrics are of products here and of pictures in the papers, so
figures are comparable among recipes, not with print.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from beautylens.catalogue.delimited import read_rows
from beautylens.catalogue.readers import reading
from beautylens.catalogue.write import write_csv
from beautylens.errors import TableError
from beautylens.images.files import PICTURE_SUFFIXES
from beautylens.inputs.counts import none_or_at_least_one

CATALOGUE, TRUTH = "catalogue.csv", "truth.csv"
# Queries of each class of INSTRE, as many as in Iscen et al. (2017), who drew theirs at random.
INSTRE_QUERIES = 5


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a product; `queries` are photos, the others are the catalogue's."""

    path: Path
    product_id: str
    name: str = ""
    category: str = ""
    is_query: bool = False


Layout = Callable[[Path], Iterator[Picture]]


def stanford_online_products(folder: Path) -> Iterator[Picture]:
    """Yield the test pictures of Stanford Online Products (Oh Song et al., 2016).

    Needs `Ebay_test.txt` with lines `image_id class_id super_class_id path`. The first picture of
    each product is a query: in the paper every picture is, and the others are the gallery.
    """
    by_product: dict[str, list[Picture]] = {}
    for line in _lines(folder / "Ebay_test.txt", "sop"):
        fields = line.split()
        if len(fields) != 4 or not fields[0].isdigit():
            continue  # the column names
        category = fields[3].split("/")[0].removesuffix("_final")
        picture = Picture(folder / fields[3], fields[1], "", category)
        by_product.setdefault(fields[1], []).append(picture)
    for pictures in by_product.values():
        yield from _first_as_queries(pictures, 1)


def products_10k(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of Products-10K (Bai et al., 2020): those of `test/` are queries.

    Needs `train.csv` and `test_kaggletest.csv` with columns `name` and `class`, the former also
    with `group`, beside the folders `train` and `test`.
    """
    for table, part in (("train.csv", "train"), ("test_kaggletest.csv", "test")):
        file = folder / table
        _require(file, "products10k")
        with reading(file):
            header, *rows = read_rows(file)
        columns = {name.strip(): index for index, name in enumerate(header)}
        missing = {"name", "class"} - columns.keys()
        if missing:
            raise TableError(f"{file}: has no column {min(missing)}; is it of Products-10K?")
        for row in rows:
            group = row[columns["group"]] if "group" in columns else ""
            path = folder / part / row[columns["name"]]
            yield Picture(path, row[columns["class"]], "", group, is_query=part == "test")


def rp2k(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of RP2K (Peng et al., 2020): those of `test/` are queries.

    Needs `train/PRODUCT/*.jpg` and `test/PRODUCT/*.jpg`, perhaps inside a folder `all`.
    """
    root = folder / "all" if (folder / "all").is_dir() else folder
    for part in ("train", "test"):
        _require(root / part, "rp2k")
        for product in _folders(root / part):
            for path in _pictures(product):
                name = product.name
                yield Picture(path, name, name, is_query=part == "test")


def instre(folder: Path) -> Iterator[Picture]:
    """Yield the pictures of INSTRE (Wang and Jiang, 2015).

    Needs `INSTRE-S1/CLASS/*.jpg`, `INSTRE-S2/CLASS/*.jpg` and, perhaps, `INSTRE-M/PAIR/*.jpg`,
    whose pictures show both objects of a pair of S1 (`01a…` and `01b…`). The first five pictures of
    each class of S1 and S2 are queries, whole and not cut to their box.
    """
    pairs: dict[int, list[str]] = {}
    for part in ("S1", "S2"):
        _require(folder / f"INSTRE-{part}", "instre")
        for each in _folders(folder / f"INSTRE-{part}"):
            product = f"{part}-{each.name}"
            name = re.sub(r"^\d+[ab]?_", "", each.name).replace("_", " ")
            number = re.match(r"\d+", each.name)
            if part == "S1" and number:
                pairs.setdefault(int(number.group()), []).append(product)
            pictures = [Picture(path, product, name, part) for path in _pictures(each)]
            yield from _first_as_queries(pictures, INSTRE_QUERIES)
    both = folder / "INSTRE-M"
    for each in _folders(both) if both.is_dir() else ():
        number = re.match(r"\d+", each.name)
        for product in pairs.get(int(number.group()), []) if number else ():
            yield from (Picture(path, product, "", "M") for path in _pictures(each))


def ilias(folder: Path) -> Iterator[Picture]:
    """Yield the core of ILIAS (Kordopatis-Zilos et al., 2025), without distractors.

    Needs `OBJECT_000/query/Q*.jpg` and `OBJECT_000/pos/P*.jpg`, perhaps inside a folder
    `ilias_core`. As in the paper the clean pictures are the queries.
    """
    root = folder / "ilias_core" if (folder / "ilias_core").is_dir() else folder
    objects = [each for each in _folders(root) if (each / "pos").is_dir()]
    if not objects:
        _require(root / "OBJECT_000" / "pos", "ilias")
    for each in objects:
        name = re.sub(r"_\d+$", "", each.name).replace("_", " ")
        for part in ("pos", "query"):
            for path in _pictures(each / part) if (each / part).is_dir() else ():
                yield Picture(path, each.name, name, is_query=part == "query")


# The layouts by name.
LAYOUTS: Mapping[str, Layout] = {
    "sop": stanford_online_products,
    "products10k": products_10k,
    "rp2k": rp2k,
    "instre": instre,
    "ilias": ilias,
}


@dataclass(frozen=True, slots=True)
class Written:
    """Numbers of products, catalogue pictures and query photos that were written."""

    products: int
    pictures: int
    queries: int


def write_benchmark(layout: str, folder: Path, out: Path, *, limit: int | None = None) -> Written:
    """Write `catalogue.csv` and `truth.csv` of a benchmark on this disk.

    Args:
        layout: a name in `LAYOUTS`.
        folder: of the benchmark.
        out: folder of the tables, created if it does not exist.
        limit: use only the first products with a query photo.

    Raises:
        TableError: when there is no such layout, the folder has another one, or no query photo.
        QueryError: when the limit is less than 1.
    """
    if layout not in LAYOUTS:
        raise TableError(f"there is no benchmark '{layout}'; choose one of {', '.join(LAYOUTS)}")
    limit = none_or_at_least_one(limit, "limit")
    pictures = list(LAYOUTS[layout](folder))
    # What the catalogue lacks cannot be found.
    known = {each.product_id for each in pictures if not each.is_query}
    asked = [each for each in pictures if each.is_query and each.product_id in known]
    if not asked:
        raise TableError(f"{folder}: none of its query photos is of a product that it lists")
    if limit is not None:
        known = set(islice(dict.fromkeys(each.product_id for each in asked), limit))
        asked = [each for each in asked if each.product_id in known]
    listed = [each for each in pictures if not each.is_query and each.product_id in known]
    out.mkdir(parents=True, exist_ok=True)
    rows = ((e.product_id, _relative(e.path, out), e.name, e.category) for e in listed)
    write_csv(out / CATALOGUE, ("product_id", "image", "name", "category"), rows)
    truth = ((_relative(e.path, out), e.product_id, e.category) for e in asked)
    write_csv(out / TRUTH, ("image", "product_ids", "kind"), truth)
    return Written(len(known), len(listed), len(asked))


def _first_as_queries(pictures: Sequence[Picture], count: int) -> Iterator[Picture]:
    """Yield pictures of a product, the first ones as queries; at least one is the catalogue's."""
    queries = min(count, len(pictures) - 1)
    for number, each in enumerate(pictures):
        yield Picture(each.path, each.product_id, each.name, each.category, number < queries)


def _require(path: Path, layout: str) -> None:
    if not path.exists():
        needs = (LAYOUTS[layout].__doc__ or "").split("Needs ")[1].split(".\n")[0].split(". ")[0]
        raise TableError(
            f"{path} does not exist; a folder of '{layout}' has {' '.join(needs.split())}"
        )


def _lines(path: Path, layout: str) -> Iterable[str]:
    _require(path, layout)
    with reading(path):
        return path.read_text("utf-8").splitlines()


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir())


def _pictures(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() in PICTURE_SUFFIXES)


def _relative(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()
