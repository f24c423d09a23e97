"""Open Beauty Facts: products as a catalogue table, contributors' photos as a benchmark."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from beautylens.catalogue.datasets.open_beauty_facts.export import (
    EXPORTS,
    Listing,
    read_export,
    reader_of,
)
from beautylens.catalogue.datasets.open_beauty_facts.pictures import (
    PICTURES_AT,
    Query,
    front_link,
    query_photos,
    uploader_of,
)
from beautylens.catalogue.datasets.open_beauty_facts.tags import Filters, most_specific, readable
from beautylens.catalogue.download.dead_links import Link
from beautylens.catalogue.download.pictures import Downloaded, Progress, download
from beautylens.catalogue.download.resumable import fetch_file
from beautylens.catalogue.download.transfer import DEFAULT_MANNERS, Manners, is_fetchable
from beautylens.catalogue.gtin import gtin14
from beautylens.catalogue.write import write_csv
from beautylens.errors import TableError
from beautylens.inputs.counts import none_or_at_least_one

EXPORT_AT = (
    "https://huggingface.co/datasets/openfoodfacts/product-database/resolve/main/beauty.parquet"
)
PRODUCT_AT = "https://world.openbeautyfacts.org/product/"
PICTURE_LICENCE = "CC BY-SA 3.0"

CATALOGUE = "catalogue.csv"
COLUMNS = (
    "product_id",
    "image",
    "name",
    "brand",
    "category",
    "gtin",
    "uploader",
    "licence",
    "source",
)
# Halves of the products: for choosing settings, and for measuring.
TRUTHS = {"dev": "truth_dev.csv", "test": "truth_test.csv"}
TRUTH_COLUMNS = ("image", "product_ids", "kind", "uploader", "licence", "source")
NOTICE = "LICENCE.txt"

_CODE = re.compile(r"[0-9]{1,24}")

_NOTICE = f"""\
Names, brands, categories and item numbers of {CATALOGUE} come from Open Beauty Facts,
https://world.openbeautyfacts.org. The database is available under the Open Database License,
https://opendatacommons.org/licenses/odbl/1.0/, its contents under the Database Contents License,
https://opendatacommons.org/licenses/dbcl/1.0/. Tables made from it are shared alike.

The pictures were taken by its contributors and are available under Creative Commons
Attribution-ShareAlike 3.0, https://creativecommons.org/licenses/by-sa/3.0/deed.en. The column
`uploader` names who took the photo as far as the export says so, and `source` is the page to link
to. Packs may show designs and marks that others have rights in.

What that asks of you: https://world.openbeautyfacts.org/terms-of-use
"""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a fetch.

    Args:
        downloaded: the pictures, including those of the benchmark.
        products: the number of products in the catalogue table.
        left_out: the number of products left out, by reason.
        photos: the number of query photos in each truth table, by its path.
    """

    downloaded: Downloaded
    products: int
    left_out: Mapping[str, int]
    photos: Mapping[Path, int]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A selected product: its picture, its other cells of the table, and its query photos."""

    code: str
    front: Link
    facts: tuple[str, ...]
    queries: tuple[Query, ...]


def obtain_export(
    export: str,
    folder: Path,
    *,
    manners: Manners = DEFAULT_MANNERS,
    progress: Progress | None = None,
) -> Path:
    """Return the path of an export; a web address is downloaded into a folder.

    It is downloaded once; an interrupted download is resumed.

    Raises:
        TableError: when an address does not end like an export.
        DownloadError: when the download fails.
    """
    if not is_fetchable(export):
        return Path(export)
    path = folder / PurePosixPath(urlsplit(export).path).name
    reader_of(path)
    fetch_file(export, path, manners=manners, progress=progress)
    return path


def fetch_open_beauty_facts(
    export: Path,
    folder: Path,
    *,
    filters: Filters | None = None,
    limit: int | None = None,
    benchmark: bool = False,
    pictures_at: str = PICTURES_AT,
    manners: Manners = DEFAULT_MANNERS,
    retry_dead: bool = False,
    progress: Progress | None = None,
) -> Fetched:
    """Fetch the front pictures of an export's products and write `catalogue.csv` there.

    Args:
        export: Parquet, JSON Lines, or tab-separated text.
        folder: created if it does not exist.
        filters: select the products.
        limit: use only the first of these.
        benchmark: fetch the contributors' other photos too, and write a truth table for each half
            of the products.
        pictures_at: the beginning of the pictures' addresses.
        manners: limits per host and picture.
        retry_dead: whether to try dead links again.
        progress: called with the number of finished links, of all links, and of dead links.

    Raises:
        TableError: when the file is not an export, no product is selected, or the folder's table
            is from something else.
        QueryError: when `limit` is less than 1.
    """
    limit = none_or_at_least_one(limit, "limit")
    table = folder / CATALOGUE
    if table.exists() and not (folder / NOTICE).exists():
        raise TableError(f"{table} is not from this command; name another folder")
    if benchmark and reader_of(export) is EXPORTS[".csv"]:
        raise TableError(
            f"{export} has one picture of each product, but a benchmark needs the other photos; "
            "give the Parquet or JSON Lines export"
        )
    taken, left_out = _choose(export, filters or Filters(), limit, benchmark, pictures_at)
    queries = (query.link for one in taken for query in one.queries)
    links = [*(one.front for one in taken), *queries]
    done = download(links, folder, manners=manners, retry_dead=retry_dead, progress=progress)
    (folder / NOTICE).write_text(_NOTICE, "utf-8")
    there = [one for one in taken if one.front.picture_id in done.pictures]
    write_csv(table, COLUMNS, (_line(one, done, folder) for one in there))
    photos = _write_truths(there, done, folder) if benchmark else {}
    return Fetched(done, len(there), left_out, photos)


def half_of(code: str) -> str:
    """Return the half of the products that a code belongs to, the same for every export."""
    return "dev" if hashlib.sha256(code.encode()).digest()[0] < 128 else "test"


def _choose(
    export: Path, filters: Filters, limit: int | None, benchmark: bool, pictures_at: str
) -> tuple[list[_Taken], Counter[str]]:
    """Return the selected products, and the number left out by reason."""
    taken: dict[str, _Taken] = {}
    left_out: Counter[str] = Counter()
    for listing in read_export(export, filters.columns):
        front = front_link(listing, pictures_at)
        if fault := _fault(listing, taken, filters):
            left_out[fault] += 1
        elif not front:
            left_out["without a picture"] += 1
        else:
            queries = tuple(query_photos(listing, pictures_at)) if benchmark else ()
            taken[listing.code] = _Taken(listing.code, front, _facts(listing), queries)
        if len(taken) == limit:
            break
    if not taken:
        reasons = ", ".join(f"{count:,} {fault}" for fault, count in left_out.most_common())
        raise TableError(
            f"{export} has no product to take ({reasons or 'none at all'}); {filters.advice()}"
        )
    return list(taken.values()), left_out


def _fault(listing: Listing, taken: Mapping[str, _Taken], filters: Filters) -> str:
    """Return why a product is left out; empty if it is selected."""
    if not listing.code:
        return "without a code"
    if not _CODE.fullmatch(listing.code):
        return "with a code that is no number"
    if listing.code in taken:
        return "with a code that came before"
    if listing.obsolete:
        return "obsolete"
    return "" if filters.accept(listing) else "not asked for"


def _facts(listing: Listing) -> tuple[str, ...]:
    """Return name, brand, category, GTIN and uploader."""
    brand = listing.brands.partition(",")[0].strip()
    brand = brand or readable(next(iter(listing.brand_tags), ""))
    category = most_specific(listing.category_tags)
    gtin = listing.code if gtin14(listing.code) else ""
    return _full_name(listing), brand, category, gtin, uploader_of(listing)


def _full_name(listing: Listing) -> str:
    """Return the name, with the quantity appended if the name does not contain it."""
    name, quantity = (text.replace(" ", "").lower() for text in (listing.name, listing.quantity))
    return f"{listing.name} {listing.quantity}" if name and quantity not in name else listing.name


def _line(one: _Taken, done: Downloaded, folder: Path) -> tuple[str, ...]:
    image = _image(one.front, done, folder)
    return one.code, image, *one.facts, PICTURE_LICENCE, PRODUCT_AT + one.code


def _write_truths(there: Sequence[_Taken], done: Downloaded, folder: Path) -> dict[Path, int]:
    """Write a truth table for each half and return the number of photos in each.

    Photos that are identical files to a catalogue picture are left out.
    """
    shown = {_digest(done.pictures[one.front.picture_id]) for one in there}
    photos = {}
    for half, name in TRUTHS.items():
        members = (one for one in there if half_of(one.code) == half)
        lines = [line for one in members for line in _truths(one, done, folder, shown)]
        write_csv(folder / name, TRUTH_COLUMNS, lines)
        photos[folder / name] = len(lines)
    return photos


def _truths(
    one: _Taken, done: Downloaded, folder: Path, shown: Container[bytes]
) -> Iterator[tuple[str, ...]]:
    for query in one.queries:
        picture = done.pictures.get(query.link.picture_id)
        if picture and _digest(picture) not in shown:
            image = _image(query.link, done, folder)
            source = PRODUCT_AT + one.code
            yield image, one.code, query.kind, query.uploader, PICTURE_LICENCE, source


def _digest(picture: Path) -> bytes:
    return hashlib.sha256(picture.read_bytes()).digest()


def _image(link: Link, done: Downloaded, folder: Path) -> str:
    return done.pictures[link.picture_id].relative_to(folder).as_posix()
