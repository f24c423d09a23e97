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

FORMAT = 2
PLAIN = ("image_id", "product_id", "image", "name", "brand", "category", "gtin")
# Columns of ours that are neither a product's nor a person's to search by; `original` is there
# only once descriptors have been augmented, others only where the recipe asks for them.
THUMBNAIL = ("thumbnail", "thumbnail_scale")
INTERNAL = (
    "path", "digest", "descriptor", "original", "aggregate", "keypoints", "read_words", *THUMBNAIL,
)  # fmt: skip
_SETTINGS = pa.schema([("key", pa.string()), ("value", pa.string())])


def make_tables(
    folder: Path,
    vectors: Mapping[str, int],
    settings: Mapping[str, Any],
    extra: Sequence[str],
    *,
    thumbnails: bool = False,
) -> None:
    """Make the tables of a gallery, all empty but for its settings.

    Args:
        folder: where to.
        vectors: the length of each column of vectors, by its name.
        settings: JSON values to keep.
        extra: further text columns.
        thumbnails: whether there are columns for small copies of the pictures.
    """
    fields = [key_field("image_id")]
    fields += [pa.field(name, pa.string()) for name in (*PLAIN[1:], *extra, "path", "digest")]
    fields += [pa.field(n, pa.list_(pa.float32(), length)) for n, length in vectors.items()]
    fields.append(pa.field("keypoints", pa.large_binary()))
    if thumbnails:
        types = (pa.large_binary(), pa.float32())
        fields += [pa.field(name, kind) for name, kind in zip(THUMBNAIL, types, strict=True)]
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
