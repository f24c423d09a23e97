"""Write exports of Open Beauty Facts, of few products, in the types that the real ones have."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Product = Mapping[str, Any]

_TEXTS = pa.list_(pa.struct([("lang", pa.string()), ("text", pa.string())]))
_PIXELS = pa.struct([("h", pa.int32()), ("w", pa.int32())])
_SIZES = pa.struct([(name, _PIXELS) for name in ("100", "200", "400", "full")])
_IMAGES = pa.list_(
    pa.struct(
        [
            ("key", pa.string()), ("imgid", pa.int32()), ("rev", pa.int32()), ("sizes", _SIZES),
            ("uploaded_t", pa.int64()), ("uploader", pa.string()),
        ]
    )
)  # fmt: skip
_TAGS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("additives_n", pa.int32()), ("brands_tags", _TAGS), ("brands", pa.string()),
        ("categories_tags", _TAGS), ("code", pa.string()), ("countries_tags", _TAGS),
        ("images", _IMAGES), ("lang", pa.string()), ("obsolete", pa.bool_()),
        ("product_name", _TEXTS), ("quantity", pa.string()),
    ]
)  # fmt: skip

CREAM = "3600550964707"
SOAP = "4005808811120"
SHORT = "96132289"


def photo(uploader: str = "kiliweb") -> dict[str, Any]:
    """A contributor's photo as the map of pictures holds it."""
    sizes = {"100": {"h": 100, "w": 75}, "full": {"h": 1200, "w": 900}}
    return {"sizes": sizes, "uploaded_t": 1527184614, "uploader": uploader}


def selected(imgid: int, rev: int) -> dict[str, Any]:
    """What was cut from a photo, as the map of pictures holds it."""
    sizes = {"400": {"h": 400, "w": 300}, "full": {"h": 1200, "w": 900}}
    return {"imgid": str(imgid), "rev": str(rev), "sizes": sizes, "angle": None, "x1": "-1"}


def product(code: str = CREAM, **fields: object) -> dict[str, Any]:
    """A cream as JSON Lines hold it, with the map of pictures as it was until 2025."""
    return {
        "code": code,
        "product_name": "Crème de jour",
        "quantity": "50 ml",
        "brands": "L'Oréal Paris, L'Oréal",
        "brands_tags": ["xx:l-oreal-paris", "xx:l-oreal"],
        "categories_tags": ["en:face", "en:face-creams", "en:day-creams"],
        "countries_tags": ["en:france", "en:germany"],
        "lang": "fr",
        "images": {
            "1": photo("anna"), "2": photo("berta"), "3": photo("clara"),
            "front_fr": selected(1, 12), "ingredients_fr": selected(2, 7),
        },
    } | fields  # fmt: skip


def write_json_lines(path: Path, products: Sequence[Product]) -> Path:
    text = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in products)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def new_images(images: Mapping[str, Any]) -> dict[str, Any]:
    """The map of pictures in the schema that came in 2025."""
    chosen: dict[str, dict[str, Any]] = {}
    for key, image in images.items():
        if "_" in key:
            role, lang = key.split("_")
            details = {"imgid": int(image["imgid"]), "rev": int(image["rev"]), "generation": {}}
            chosen.setdefault(role, {})[lang] = details
    return {
        "uploaded": {key: image for key, image in images.items() if key.isdecimal()},
        "selected": chosen,
    }


def write_parquet(path: Path, products: Sequence[Product]) -> Path:
    rows = []
    for one in products:
        row = {name: one[name] for name in SCHEMA.names if name in one}
        row["product_name"] = [{"lang": "main", "text": one["product_name"]}]
        row["obsolete"] = bool(one.get("obsolete"))
        row["images"] = [
            {
                "key": key, "sizes": image["sizes"], "uploader": image.get("uploader"),
                "uploaded_t": image.get("uploaded_t"),
                "imgid": int(image["imgid"]) if "imgid" in image else None,
                "rev": int(image["rev"]) if "rev" in image else None,
            }
            for key, image in one.get("images", {}).items()
        ]  # fmt: skip
        rows.append(row)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), path)
    return path


def write_tabs(path: Path, products: Sequence[Product]) -> Path:
    names = ("code", "url", "product_name", "quantity", "brands", "brands_tags",
             "categories_tags", "countries_tags", "image_url", "image_small_url")  # fmt: skip
    cells = ([one.get(name, "") for name in names] for one in products)
    lines = ["\t".join(names)]
    lines += ["\t".join(",".join(c) if isinstance(c, list) else c for c in row) for row in cells]
    text = "\n".join(lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path
