"""Bringing a snapshot up to date: only fragments that changed since are read."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from beautylens.store.artefacts import Artefacts
from beautylens.store.columns import PACK_WORDS
from beautylens.store.schema import INTERNAL, PLAIN, THUMBNAIL, read_settings
from beautylens.store.snapshot.change import Change
from beautylens.store.snapshot.manifest import (
    Columns,
    Manifest,
    write_manifest,
)
from beautylens.store.snapshot.versions import Stamp
from beautylens.store.table import table_address


def refresh(
    address: str, folder: Path, stamp: Stamp, former: Manifest | None, most: int | None
) -> bool:
    """Write what changed since a former snapshot, and replace it.

    Args:
        address: of the gallery.
        folder: of the snapshot.
        stamp: the versions to write.
        former: the present manifest, if it can be read.
        most: rows to write at most; any number by default.

    Returns:
        False if more rows would have to be written.
    """
    import lance

    settings = read_settings(address)
    datasets = {
        name: lance.dataset(table_address(address, name), version=stamp[name][0])
        for name in ("images", "lines")
    }
    known = {} if former is None or former.settings != settings else dict(former.tables)
    changes = {
        name: Change(dataset, _columns(name, dataset.schema), known.get(name))
        for name, dataset in datasets.items()
    }
    if most is not None and sum(change.new_rows for change in changes.values()) > most:
        return False
    folder.mkdir(exist_ok=True)
    tables = {name: change.write(folder) for name, change in changes.items()}
    artefacts, artefacts_folder = _artefacts(address, folder, settings, stamp, former)
    manifest = Manifest(stamp, settings, tables, artefacts, artefacts_folder)
    write_manifest(folder, manifest)
    _remove_others(folder, manifest.names)
    return True


def _columns(name: str, schema: Any) -> Columns:
    """Return the columns of a table that a search reads."""
    if name == "lines":
        words = "words" if "words" in schema.names else None
        return Columns(("image_id", "product_id", "lines"), words=words)
    extra = [each for each in schema.names if each not in (*PLAIN, *INTERNAL)]
    compared = (*PLAIN, *extra)
    lengths = {
        each: int(schema.field(each).type.list_size)
        for each in ("descriptor", "vlad")
        if each in schema.names
    }
    blobs: tuple[str, ...] = ("keypoints",)
    if THUMBNAIL[0] in schema.names:
        blobs, lengths = (*blobs, THUMBNAIL[0]), {**lengths, THUMBNAIL[1]: 1}
    words = PACK_WORDS if PACK_WORDS in schema.names else None
    return Columns((*compared, "path"), compared, lengths, blobs, words)


def _artefacts(
    address: str,
    folder: Path,
    settings: Mapping[str, Any],
    stamp: Stamp,
    former: Manifest | None,
) -> tuple[Mapping[str, str], str]:
    """Return the file of each artefact and their folder, written if they changed."""
    table = settings["artefacts"]
    if former is not None and former.stamp.get(table) == stamp.get(table):
        return former.artefacts, former.artefacts_folder
    values = Artefacts(address, table).all()
    name = uuid.uuid4().hex
    aside = folder / f".{name}"
    aside.mkdir()
    files = {key: str(number) for number, key in enumerate(sorted(values))}
    for key, file in files.items():
        (aside / file).write_bytes(values[key])
    aside.rename(folder / name)
    return files, name


def _remove_others(folder: Path, names: set[str]) -> None:
    """Remove files of former snapshots; processes that read them still can."""
    for path in folder.iterdir():
        if path.name in names or path.name.startswith(".writing"):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
