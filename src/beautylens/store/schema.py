"""The tables of a gallery: their schemas and their creation."""

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
from beautylens.store.columns import PACK_WORDS
from beautylens.store.failures import SCHEMA as FAILURES
from beautylens.store.lance import key_field
from beautylens.store.picture_text import SCHEMA as LINES
from beautylens.store.table import Table, table_address

FORMAT = 3
PLAIN = ("image_id", "product_id", "image", "name", "brand", "category", "gtin")
THUMBNAIL = ("thumbnail", "thumbnail_scale")
# Columns that are not metadata and not for filters; `original` exists after augmentation only, and
# others depend on the recipe.
INTERNAL = (
    *("path", "digest", "precision", "descriptor", "original", "vlad", "keypoints"),
    *THUMBNAIL,
    PACK_WORDS,
)
# Keypoints are packed already; Lance's compression saves an eighth and is slower than reading.
_UNCOMPRESSED = {"lance-encoding:compression": "none"}
_SETTINGS = pa.schema([("key", pa.string()), ("value", pa.string())])


def create_tables(
    address: str,
    vectors: Mapping[str, int],
    settings: Mapping[str, Any],
    extra: Sequence[str],
    *,
    thumbnails: bool = False,
    words: bool = False,
    artefacts: Mapping[str, bytes],
) -> None:
    """Create the empty tables of a gallery; it exists once it has settings, which come last.

    Args:
        address: of the gallery; existing tables are kept.
        vectors: length of each column of vectors, by name.
        settings: JSON values; a unique id is added.
        extra: metadata columns.
        thumbnails: whether there are columns for thumbnails.
        words: whether there is a column of words for look-up.
        artefacts: fitted on the catalogue before it is indexed.
    """
    fields = [key_field("image_id")]
    texts = (*PLAIN[1:], *extra, "path", "digest", "precision")
    fields += [pa.field(name, pa.string()) for name in texts]
    fields += [pa.field(n, pa.list_(pa.float32(), length)) for n, length in vectors.items()]
    fields.append(pa.field("keypoints", pa.large_binary(), metadata=_UNCOMPRESSED))
    if thumbnails:
        types = (pa.large_binary(), pa.float32())
        fields += [pa.field(name, kind) for name, kind in zip(THUMBNAIL, types, strict=True)]
    if words:
        fields.append(pa.field(PACK_WORDS, pa.string()))
    Table.ensure(table_address(address, "images"), pa.schema(fields))
    Table.ensure(table_address(address, "failures"), FAILURES)
    Table.ensure(table_address(address, "lines"), LINES)
    # A unique name: if two processes create the gallery, the settings have that of one of them.
    own = f"artefacts-{uuid.uuid4().hex[:8]}"
    kept = Artefacts(address, own)
    for name, value in artefacts.items():
        kept.put(name, value)
    settings = {**settings, "id": uuid.uuid4().hex, "artefacts": own}
    rows = [{"key": key, "value": json.dumps(value)} for key, value in settings.items()]
    Table.create(table_address(address, "settings"), pa.Table.from_pylist(rows, _SETTINGS))


def read_settings(address: str) -> dict[str, Any]:
    """Return the settings of a gallery."""
    rows = Table(table_address(address, "settings")).select().to_pylist()
    return {row["key"]: json.loads(row["value"]) for row in rows}


def refuse_other_format(settings: Mapping[str, Any], address: str) -> None:
    """Raise unless a gallery has the format of this version.

    Raises:
        CollectionError: when it has another format.
    """
    made = settings.get("format")
    if made == FORMAT:
        return
    if isinstance(made, int) and made > FORMAT:
        raise CollectionError(
            f"{address} has format {made}, which is newer than format {FORMAT} of this version: "
            "upgrade Beautylens"
        )
    raise CollectionError(
        f"{address} has format {made}, but this version reads format {FORMAT}: index its table "
        "again into a new folder with `beautylens index TABLE FOLDER`"
    )


def refuse_occupied(folder: AnyPath) -> None:
    """Raise unless a folder for a new collection is empty."""
    if folder.is_file():
        raise CollectionError(f"{folder} is a file; name a folder for the collection")
    held = sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []
    if isinstance(folder, RemotePath) and _is_begun(folder, held):
        return
    if "images.lance" in held:
        raise CollectionError(
            f"{folder} is a collection without settings; restore settings.lance, or name another "
            "folder"
        )
    if held:
        raise CollectionError(
            f"{folder} is not empty (it has '{held[0]}'); name an empty or new folder"
        )


def _is_begun(folder: RemotePath, held: Sequence[str]) -> bool:
    """Return whether the creation of a collection in object storage was interrupted."""
    begun = r"(images|failures|lines|artefacts-\w+)\.lance"
    if not held or not all(re.fullmatch(begun, name) for name in held):
        return False
    images = table_address(str(folder), "images")
    return "images.lance" not in held or not Table(images).count_rows()


def create_folder(folder: Path, address: str | Path) -> None:
    """Create the folder of a gallery and its parents.

    Raises:
        CollectionError: when that fails.
    """
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise CollectionError(
            f"{address} cannot be created ({error.strerror}); choose another folder"
        ) from error
