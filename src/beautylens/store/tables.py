"""The tables of a gallery: their columns, and how they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from beautylens.errors import CollectionError
from beautylens.store.failures import SCHEMA as FAILURES
from beautylens.store.lance import connect, key_field

FORMAT = 1
PLAIN = ("image_id", "product_id", "image", "name", "brand", "category", "gtin")
# Columns of ours that are neither a product's nor a person's to search by; `original` is there
# only once descriptors have been augmented.
INTERNAL = ("path", "digest", "descriptor", "original", "keypoints", "read_words")
_SETTINGS = pa.schema([("key", pa.string()), ("value", pa.string())])


def make_tables(
    folder: Path, dimensions: int, settings: Mapping[str, Any], extra: Sequence[str]
) -> None:
    """Make the tables of a gallery, all empty but for its settings."""
    fields = [key_field("image_id")]
    fields += [pa.field(name, pa.string()) for name in (*PLAIN[1:], *extra, "path", "digest")]
    fields.append(pa.field("descriptor", pa.list_(pa.float32(), dimensions)))
    fields.append(pa.field("keypoints", pa.large_binary()))
    rows = [{"key": key, "value": json.dumps(value)} for key, value in settings.items()]
    database = connect(str(folder))
    database.create_table("images", schema=pa.schema(fields))
    database.create_table("failures", schema=FAILURES)
    database.create_table("settings", pa.Table.from_pylist(rows, schema=_SETTINGS))


def read_settings(database: Any) -> dict[str, Any]:
    """Return the settings that a gallery was made with."""
    rows = database.open_table("settings").search().to_arrow().to_pylist()
    return {row["key"]: json.loads(row["value"]) for row in rows}


def refuse_strangers(folder: Path) -> None:
    """Raise if a folder that is to hold a collection holds anything."""
    if folder.is_file():
        raise CollectionError(f"{folder} is a file; name a folder for the collection")
    held = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    if "images.lance" in held:
        raise CollectionError(
            f"{folder} is a collection whose settings are missing; restore settings.lance, "
            "or name another folder"
        )
    if held:
        raise CollectionError(
            f"{folder} already holds other things ('{held[0]}'); name an empty or new folder"
        )


def make_folder(folder: Path, address: str | Path) -> None:
    """Make the folder of a gallery, and those above it; say so if that is not possible."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise CollectionError(
            f"{address} cannot be made ({error.strerror}); choose another place"
        ) from error
