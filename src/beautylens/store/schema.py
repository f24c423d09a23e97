"""The tables of a gallery: their columns, and how they are made."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from beautylens.errors import CollectionError
from beautylens.files.paths import AnyPath, RemotePath
from beautylens.store.artefacts import Artefacts
from beautylens.store.failures import SCHEMA as FAILURES
from beautylens.store.lance import connect, key_field

FORMAT = 3
PLAIN = ("image_id", "product_id", "image", "name", "brand", "category", "gtin")
# Columns of ours that are neither a product's nor a person's to search by; `original` is there
# only once descriptors have been augmented, others only where the recipe asks for them.
THUMBNAIL = ("thumbnail", "thumbnail_scale")
INTERNAL = (
    *("path", "digest", "descriptor", "original", "vlad", "keypoints", "read_words"),
    *THUMBNAIL,
)
# Keypoints are packed already: Lance's own packing saves an eighth, and takes longer than reading.
_AS_THEY_ARE = {"lance-encoding:compression": "none"}
_SETTINGS = pa.schema([("key", pa.string()), ("value", pa.string())])


def make_tables(
    address: str,
    vectors: Mapping[str, int],
    settings: Mapping[str, Any],
    extra: Sequence[str],
    *,
    thumbnails: bool = False,
    artefacts: Mapping[str, bytes],
) -> None:
    """Make the tables of a gallery without rows; the settings last, by which it is known.

    Args:
        address: where to; tables of these that are there already stay as they are.
        vectors: the length of each column of vectors, by its name.
        settings: JSON values to keep; an id of the gallery's own is added.
        extra: further text columns.
        thumbnails: whether there are columns for small copies of the pictures.
        artefacts: computed over the catalogue before its descriptors could be made.
    """
    fields = [key_field("image_id")]
    fields += [pa.field(name, pa.string()) for name in (*PLAIN[1:], *extra, "path", "digest")]
    fields += [pa.field(n, pa.list_(pa.float32(), length)) for n, length in vectors.items()]
    fields.append(pa.field("keypoints", pa.large_binary(), metadata=_AS_THEY_ARE))
    if thumbnails:
        types = (pa.large_binary(), pa.float32())
        fields += [pa.field(name, kind) for name, kind in zip(THUMBNAIL, types, strict=True)]
    database = connect(address)
    database.create_table("images", schema=pa.schema(fields), exist_ok=True)
    database.create_table("failures", schema=FAILURES, exist_ok=True)
    # A name of its own: where two processes make one gallery, that of the settings is read.
    own = f"artefacts-{uuid.uuid4().hex[:8]}"
    kept = Artefacts(database, address, own)
    for name, value in artefacts.items():
        kept.put(name, value)
    settings = {**settings, "id": uuid.uuid4().hex, "artefacts": own}
    rows = [{"key": key, "value": json.dumps(value)} for key, value in settings.items()]
    database.create_table("settings", pa.Table.from_pylist(rows, schema=_SETTINGS))


def read_settings(database: Any) -> dict[str, Any]:
    """Return the settings that a gallery was made with."""
    rows = database.open_table("settings").search().to_arrow().to_pylist()
    return {row["key"]: json.loads(row["value"]) for row in rows}


def refuse_other_format(settings: Mapping[str, Any], address: str) -> None:
    """Raise unless a gallery is of this version's format.

    Raises:
        CollectionError: saying what to do instead.
    """
    made = settings.get("format")
    if made == FORMAT:
        return
    if isinstance(made, int) and made > FORMAT:
        raise CollectionError(
            f"{address} is a collection of format {made}, which is newer than this version of "
            f"Beautylens, which reads format {FORMAT}: upgrade Beautylens"
        )
    raise CollectionError(
        f"{address} is a collection of format {made}, and this version reads format {FORMAT}: "
        "index its table again into a new folder with `beautylens index TABLE FOLDER`"
    )


def refuse_strangers(folder: AnyPath) -> None:
    """Raise if a folder that is to hold a collection holds anything."""
    if folder.is_file():
        raise CollectionError(f"{folder} is a file; name a folder for the collection")
    held = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    if isinstance(folder, RemotePath) and _is_begun(folder, held):
        return
    if "images.lance" in held:
        raise CollectionError(
            f"{folder} is a collection whose settings are missing; restore settings.lance, "
            "or name another folder"
        )
    if held:
        raise CollectionError(
            f"{folder} already holds other things ('{held[0]}'); name an empty or new folder"
        )


def _is_begun(folder: RemotePath, held: Sequence[str]) -> bool:
    """Tell whether a collection was being made in object storage, and nothing is in it yet."""
    begun = r"(images|failures|artefacts-\w+)\.lance"
    if not held or not all(re.fullmatch(begun, name) for name in held):
        return False
    return "images.lance" not in held or not connect(str(folder)).open_table("images").count_rows()


def make_folder(folder: Path, address: str | Path) -> None:
    """Make the folder of a gallery, and those above it; say so if that is not possible."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise CollectionError(
            f"{address} cannot be made ({error.strerror}); choose another folder"
        ) from error
