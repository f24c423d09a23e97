"""Talking to LanceDB: connecting, SQL literals, and its errors in one sentence."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from types import ModuleType
from typing import Any

import pyarrow as pa
import pydantic

from beautylens.errors import CollectionError, QueryError
from beautylens.files.paths import is_address
from beautylens.inputs.several import several
from beautylens.inputs.unicode_text import composed
from beautylens.runtime.native import Lock
from beautylens.runtime.startup import quick_imports
from beautylens.store.forked import Database, note_connection

# Its log is for developers; what a user must know is raised. Set LANCEDB_LOG to see it.
os.environ.setdefault("LANCEDB_LOG", "error")

# What LanceDB and the system say, and what that means to a person.
_MEANINGS = {
    r"surrogates not allowed": "its path is not UTF-8; rename the folder or name another",
    r"badscheme": "its server speaks plain http; set AWS_ALLOW_HTTP=true if it is meant to",
    r"nosuchbucket|bucket does not exist": "there is no such bucket; check the address",
    r"get aws credentials|invalidaccesskeyid|signaturedoesnotmatch|access_?denied|expiredtoken": (
        "its server does not know these credentials, or they may not do this; check the ones in "
        "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
    ),
    r"connection ?refused|network_connection|connect error|dns error": (
        "its server cannot be reached; check the network, and AWS_ENDPOINT_URL if it is set"
    ),
    r"no space left|os error 28": "the disk is full; free some space and run the command again",
    r"read-only file system|os error 30": "the disk is read-only; choose another folder",
    r"permission denied|os error 13": "permission is denied; give this user access to the folder",
    r"conflict|concurrent": ("other processes write to it at the same time; run the command again"),
    r"not found|no such file|corrupt|invalid (magic|format|file|range)|eof|manifest|decod|"
    r"fill whole": (
        "files of it are missing or damaged; restore them, or index again into another folder"
    ),
}


_NO_TEXT = re.compile("[\ud800-\udfff]")

# How old may be what a search sees of a collection in object storage, where looking for a newer
# version is a request of its own. A process sees its own commits at once.
REMOTE_AGE = timedelta(seconds=5)


def connect(address: str) -> Database:
    """Return a database whose readers see every commit at once, those of other processes too.

    In object storage they see it after `REMOTE_AGE`.

    Raises:
        CollectionError: when this process was forked from one that had connected.
    """
    note_connection(address)
    # Zero: every read first looks for a newer version.
    age = REMOTE_AGE if is_address(address) else timedelta(0)
    opened = import_lancedb().connect(address, read_consistency_interval=age)
    return Database(opened, address)


_IMPORTING = Lock()


@cache
def import_lancedb() -> ModuleType:
    """Import LanceDB on first use, and in half the time.

    It brings a client for its servers, generated, that compiles checks of the arguments of several
    hundred calls. Nothing here calls a server: that client is imported without the checks.
    """
    with _IMPORTING(), quick_imports():
        checking = pydantic.validate_call
        if "lancedb" not in sys.modules:
            pydantic.validate_call = lambda call: call  # type: ignore[assignment]  # put back below
        try:
            return importlib.import_module("lancedb")
        finally:
            pydantic.validate_call = checking


def key_field(name: str) -> pa.Field:
    """Return a text column by which rows are upserted.

    Marked as a key, two writers that insert the same value at the same time are told apart from
    two that insert different ones: the later commit is made again on top of the earlier.
    """
    marked = {"lance-schema:unenforced-primary-key": "true"}
    return pa.field(name, pa.string(), nullable=False, metadata=marked)


def table_names(database: Any) -> list[str]:
    """Return the names of the tables of a database."""
    return list(database.list_tables().tables)


def sql_list(values: Iterable[str]) -> str:
    """Return values as an SQL list; quotes inside them are doubled, and no value gives NULL."""
    quoted = ("'" + value.replace("'", "''") + "'" for value in several(values))
    return ", ".join(quoted) or "NULL"


def of_products(product_ids: Iterable[str]) -> str:
    """Return the condition that a row is of one of these products, in whichever normal form."""
    ids = several(product_ids)
    spelt = dict.fromkeys((*ids, *map(composed, ids)))
    # An id with bytes that are no text, as a terminal may hand on, is that of no product.
    return f"product_id IN ({sql_list(one for one in spelt if not _NO_TEXT.search(one))})"


def of_images(image_ids: Iterable[str]) -> str:
    """Return the condition that a row is of one of these images."""
    return f"image_id IN ({sql_list(image_ids)})"


def is_conflict(error: Exception) -> bool:
    """Tell whether a commit was refused because another process made one meanwhile."""
    return "conflict" in str(error).lower()


@contextmanager
def plain_errors(address: str, doing: str) -> Iterator[None]:
    """Turn an error of LanceDB or the system into one sentence about a collection.

    Raises:
        CollectionError: naming the collection, what could not be done to it, and why.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        text = str(error)
        meanings = (m for pattern, m in _MEANINGS.items() if re.search(pattern, text, re.I))
        reason = next(meanings, _first_sentence(error))
        raise CollectionError(f"{address} cannot be {doing}: {reason}") from error


@contextmanager
def filter_errors(where: str | None, columns: Sequence[str]) -> Iterator[None]:
    """Turn an error into one sentence about the user's filter, if there is one.

    Raises:
        QueryError: naming the columns that a filter may ask about.
    """
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if where is None:
            raise
        raise QueryError(
            f"the filter {where!r} cannot be understood: {_first_sentence(error)}; columns, all "
            f"text, are {', '.join(columns)}"
        ) from error


def _first_sentence(error: Exception) -> str:
    """Return what an error of LanceDB says, without its preamble and the lines of its source."""
    text = str(error).removeprefix("Invalid input, ").split("\n")[0]
    text = re.sub(r",? ?(at )?/\S+\.rs:\d+(:\d+)?", "", text)
    return text.split(". ")[0].rstrip(" .:,")
