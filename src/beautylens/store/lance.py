"""Talking to LanceDB: connecting, SQL literals, and its error messages in one sentence."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from beautylens.errors import CollectionError

# Its log is for developers; what a user must know is raised. Set LANCEDB_LOG to see it.
os.environ.setdefault("LANCEDB_LOG", "error")


def connect(address: str) -> Any:
    """Return a database whose readers see every commit at once, those of other processes too."""
    # LanceDB takes half a second to import: `--help` should not wait for it.
    import lancedb

    # Zero: every read first looks for a newer version.
    return lancedb.connect(address, read_consistency_interval=timedelta(0))


def table_names(database: Any) -> list[str]:
    """Return the names of the tables of a database."""
    return list(database.list_tables().tables)


def sql_list(values: Iterable[str]) -> str:
    """Return values as an SQL list; quotes inside them are doubled, and no value gives NULL."""
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values) or "NULL"


def first_sentence(error: Exception) -> str:
    """Return what an error of LanceDB says, without its preamble and source lines."""
    return str(error).removeprefix("Invalid input, ").split("\n")[0].split(". ")[0]


def refuse_strangers(folder: Path) -> None:
    """Raise if a folder that is to hold a collection holds anything else."""
    if folder.is_file():
        raise CollectionError(f"{folder} is a file; name a folder for the collection")
    ours = {"images.lance", "failures.lance", "settings.lance"}
    strangers = [e.name for e in folder.iterdir() if e.name not in ours] if folder.is_dir() else []
    if strangers:
        raise CollectionError(
            f"{folder} already holds other things ('{min(strangers)}'); name an empty or new folder"
        )
