"""Exports of Open Beauty Facts, product by product: Parquet, JSON Lines or tab-separated.

The fields are described in https://world.openbeautyfacts.org/data/data-fields.txt
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import pyarrow.parquet as pq

from beautylens.catalogue.checks import require_columns
from beautylens.catalogue.json_tables import json_objects
from beautylens.catalogue.readers import reading
from beautylens.catalogue.text_files import lines_of
from beautylens.errors import TableError

PACKED = ".gz"
FIELDS = frozenset(
    (
        "code",
        "product_name",
        "quantity",
        "brands",
        "brands_tags",
        "categories_tags",
        "countries_tags",
        "lang",
        "obsolete",
        "images",
    )
)
# Rows in memory as Python objects at the same time.
_ROWS = 1 << 10

Fields: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[Path, Sequence[str]], Iterator[Fields]]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of a product: a contributor's raw photo, or a selection, cropped from one.

    Args:
        key: a raw photo's number, or the role and language of a selection, such as `front_fr`.
        imgid: the number of a selection's raw photo.
        rev: the revision of a selection.
        uploader: the contributor of a raw photo.
    """

    key: str
    imgid: str = ""
    rev: str = ""
    uploader: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """One product of an export; missing values are empty.

    `row` is counted from 1; tags have the form `en:day-creams`. The tab-separated export has the
    address `image_url` of one picture instead of `images`.
    """

    row: int
    code: str
    name: str = ""
    quantity: str = ""
    brands: str = ""
    brand_tags: tuple[str, ...] = ()
    category_tags: tuple[str, ...] = ()
    country_tags: tuple[str, ...] = ()
    lang: str = ""
    obsolete: bool = False
    images: tuple[Image, ...] = ()
    image_url: str = ""


def read_export(path: Path, needed: Sequence[str] = ()) -> Iterator[Listing]:
    """Yield the products of an export, at most a thousand in memory.

    Args:
        path: ends in one of `EXPORTS`; text may be compressed, as in `.jsonl.gz`.
        needed: required columns besides code and picture.

    Raises:
        TableError: when the file is not such an export, is damaged, or lacks a column.
    """
    read = reader_of(path)
    with reading(path):
        for row, fields in enumerate(read(path, needed), 1):
            yield _listing(row, fields)


def reader_of(path: Path) -> Read:
    """Return the reader for a file of this name.

    Raises:
        TableError: when no export has such a name.
    """
    plain = path.with_suffix("") if path.suffix.lower() == PACKED else path
    if read := EXPORTS.get(plain.suffix.lower()):
        return read
    raise TableError(
        f"{path} is no export of Open Beauty Facts; give one that ends in {', '.join(EXPORTS)}, "
        f"or in {PACKED} after that"
    )


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[Fields]:
    with path.open("rb") as opened, pq.ParquetFile(opened) as file:
        require_columns(path, file.schema_arrow.names, ("code", "images", *needed))
        leaves = [file.schema.column(number).path for number in range(len(file.schema))]
        # Without the sizes in pixels, which are half of a picture's data.
        wanted = [leaf for leaf in leaves if leaf.split(".")[0] in FIELDS and ".sizes." not in leaf]
        for batch in file.iter_batches(_ROWS, columns=wanted):
            yield from batch.to_pylist()


def _json_lines(path: Path, _: Sequence[str]) -> Iterator[Fields]:
    with _open(path) as file:
        yield from json_objects(path, file)


def _tabs(path: Path, needed: Sequence[str]) -> Iterator[Fields]:
    """Yield the rows of tab-separated text, in which no field is quoted."""
    with _open(path) as file:
        lines = lines_of(path, file)
        names = next(lines, "").rstrip("\r\n").split("\t")
        require_columns(path, names, ("code", "image_url", *needed))
        for line in lines:
            yield dict(zip(names, line.rstrip("\r\n").split("\t", len(names)), strict=False))


def _open(path: Path) -> TextIO:
    """Open text, compressed or not; invalid bytes are replaced instead of stopping the import."""
    open_any = gzip.open if path.suffix.lower() == PACKED else open
    return open_any(path, "rt", encoding="utf-8-sig", errors="replace", newline="\n")


def _listing(row: int, fields: Fields) -> Listing:
    lang = _text(fields.get("lang"))
    return Listing(
        row=row,
        code=_text(fields.get("code")),
        # The database stores texts escaped as HTML (openfoodfacts-server, issue 1769).
        name=unescape(_name(fields, lang)),
        quantity=unescape(_text(fields.get("quantity"))),
        brands=unescape(_text(fields.get("brands"))),
        brand_tags=_tags(fields.get("brands_tags")),
        category_tags=_tags(fields.get("categories_tags")),
        country_tags=_tags(fields.get("countries_tags")),
        lang=lang,
        obsolete=_text(fields.get("obsolete")).lower() in {"on", "1", "true"},
        images=tuple(_images(fields.get("images"))),
        image_url=_text(fields.get("image_url")),
    )


def _name(fields: Fields, lang: str) -> str:
    """Return the name in the product's main language, else in any."""
    given = fields.get("product_name")
    texts = {"main": _text(given), lang: _text(fields.get(f"product_name_{lang}"))}
    if isinstance(given, list):
        texts = {_text(one.get("lang")): _text(one.get("text")) for one in map(_mapping, given)}
    ranked = (texts.get("main"), texts.get(lang), *texts.values())
    return next(filter(None, ranked), "")


def _images(given: object) -> Iterator[Image]:
    """Yield the pictures in any schema: a list, a map by key, or maps `uploaded` and `selected`."""
    if isinstance(given, list):
        keyed = {_text(one.get("key")): one for one in map(_mapping, given)}
    else:
        keyed = dict(_mapping(given))
        selected, uploaded = keyed.pop("selected", {}), keyed.pop("uploaded", {})
        keyed |= _mapping(uploaded)
        for role, languages in _mapping(selected).items():
            keyed |= {f"{role}_{lang}": one for lang, one in _mapping(languages).items()}
    for key, one in keyed.items():
        values = _mapping(one)
        imgid, rev, uploader = (_text(values.get(name)) for name in ("imgid", "rev", "uploader"))
        yield Image(key, imgid, rev, uploader)


def _mapping(value: object) -> Fields:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    """Return text or a number as text, with whitespace normalised."""
    return " ".join(str(value).split()) if isinstance(value, (str, int)) else ""


def _tags(value: object) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value).split(",")
    return tuple(filter(None, map(_text, parts)))


EXPORTS: dict[str, Read] = {".parquet": _parquet, ".jsonl": _json_lines, ".csv": _tabs}
